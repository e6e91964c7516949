"""`dry_run=true`: how many runs there would be, and how long they would take."""

import itertools
import re
import time
from collections.abc import Callable, Sequence

from noise_exp.errors import DryRun, UserError
from noise_exp.job.config import TrackingConfig
from noise_exp.job.fingerprint import fingerprint, source_digest
from noise_exp.report.intervals import FEW
from noise_exp.runs.naming import NO_METHOD
from noise_exp.runs.record import key_of
from noise_exp.sweep.plan import Made, Plan
from noise_exp.training.trial import Trial
from noise_exp.writing import duration

_EPOCHS = 4  # that are timed, the first of them apart: it fills caches
_BUDGET = 30.0  # seconds that may go into timing
_SEED = re.compile(r"\+*(seed|seeds\.\w+)=\d+$")
# Seconds of a run that the timing here does not see: Hydra's work, figures, the store.
_AROUND, _AROUND_UNTRACKED = 0.3, 0.1


def tell(planned: Plan, make: Callable[[list[str]], Made]) -> None:
    """Print how many runs there will be, how many are finished, and the time they will take.

    Nothing is written, in a folder or in the store.

    Raises
    ------
    DryRun
        When all is said: nothing is to be run.
    UserError
        If this sweeper's trials cannot be known.
    """
    if planned.jobs is None and planned.total is None:
        raise UserError("dry_run=true cannot know what this sweeper will try")
    if planned.jobs is None:
        print(f"{planned.total} trials, chosen as the search goes on: their time is not known.")
    else:
        left, done = planned.jobs, ""
        if planned.resume:
            left = _unfinished(planned.tracking, left, make)
            done = f", {len(planned.jobs) - len(left)} of them finished already"
        print(f"{len(planned.jobs)} runs{done}.", flush=True)
        if left:
            print(_estimate(planned, left, make))
    print("Nothing was started (dry_run=true).")
    raise DryRun


def _unfinished(
    tracking: TrackingConfig, jobs: list[list[str]], make: Callable[[list[str]], Made]
) -> list[list[str]]:
    """Return the jobs that no finished run in the store stands for."""
    from noise_exp.tracking import reading
    from noise_exp.tracking.store import NoStoreError, Store

    try:
        store = Store.existing(tracking.uri, tracking.experiment, untouched=True)
    except NoStoreError:
        return jobs
    known = reading.finished(store, source_digest())

    def is_known(job: list[str]) -> bool:
        config, build = make(job)
        return fingerprint(config, build()) in known

    return [job for job in jobs if not (known and is_known(job))]


def few_seeds(planned: Plan) -> str:
    """Say that a sweep has too few seeds to compare its methods, if it has."""
    methods: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for job in planned.jobs or []:
        method = tuple(o for o in job if key_of(o) not in NO_METHOD)
        methods.setdefault(method, set()).add(tuple(job))
    seeds = min(map(len, methods.values()), default=0)
    if len(methods) < 2 or seeds >= FEW:
        return ""
    return (
        f"{seeds} seed{'s' * (seeds != 1)} for each method: what differs is not told from luck. "
        f"That takes {FEW} at least, as in 'seed=range({FEW})'."
    )


def _setting(job: list[str]) -> tuple[str, ...]:
    """Return a job's overrides without its seeds."""
    return tuple(o for o in job if not _SEED.match(o))


def _estimate(planned: Plan, left: Sequence[list[str]], make: Callable[[list[str]], Made]) -> str:
    """Time a few epochs of each setting that is swept, whatever its seed."""
    settings: dict[tuple[str, ...], list[list[str]]] = {}
    for job in left:
        settings.setdefault(_setting(job), []).append(job)
    start = time.perf_counter()
    timed: list[tuple[float, int]] = []  # seconds, and how many runs take them
    for same in settings.values():
        if timed and time.perf_counter() - start > _BUDGET:
            break
        timed.append((_time(make(same[0])[1]), len(same)))
    # What was not timed is taken for the mean of what was.
    measured = sum(s * n for s, n in timed) / sum(n for _, n in timed)
    around = _AROUND if planned.tracking.enabled else _AROUND_UNTRACKED
    total = (measured + around) * len(left)
    how = (
        f"from {_EPOCHS} epochs of {len(timed)} of {len(settings)} settings, timed now"
        f" one at a time, and {around:g} s around each run"
    )
    if planned.launcher.at_once:
        at_once = min(len(left), planned.launcher.at_once)
        return f"About {duration(total / at_once)} with {at_once} jobs at once ({how})."
    if not planned.launcher.serial:
        return f"About {duration(total)} of one worker's time, to be shared among them ({how})."
    return f"About {duration(total)} ({how})."


def _time(build: Callable[[], Trial]) -> float:
    """Return the seconds that a run will take, from its first epochs."""
    start = time.perf_counter()
    trial = build()
    records = list(itertools.islice(trial.train(), _EPOCHS))
    trial.test()
    seconds = time.perf_counter() - start
    first, last = records[0], records[-1]
    if last.progress > first.progress:
        speed = (last.train_seconds - first.train_seconds) / (last.progress - first.progress)
        seconds += speed * (1 - last.progress)
    return seconds
