"""What a command is about to run, and how long that will take: `dry_run=true`."""

import contextlib
import itertools
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from omegaconf import DictConfig

from noise_exp.errors import Enough, UserError
from noise_exp.records.record import key_of
from noise_exp.run import launchers
from noise_exp.run.build import build
from noise_exp.run.config_errors import explained
from noise_exp.run.context import as_given, check_choices
from noise_exp.run.fingerprint import fingerprint, source_digest
from noise_exp.sweep.asked import check_swept, refuse_late
from noise_exp.writing import duration

_EPOCHS = 4  # that are timed, the first of them apart: it fills caches
_BUDGET = 30.0  # seconds that may go into timing
_MOST_JOBS = 100_000  # more would take days, and minutes to be planned
_SEED = re.compile(r"\+*(seed|seeds\.(init|data|noise))=\d+$")
# Seconds of a run that the timing here does not see: Hydra's work, figures, the store.
_AROUND, _AROUND_UNTRACKED = 0.3, 0.1


@dataclass(frozen=True)
class Plan:
    """The jobs of a command.

    Attributes
    ----------
    first
        Overrides of the first job, in a search with the start of an interval for its value; None
        where only the sweeper knows them.
    jobs
        Overrides of every job; None where the sweeper chooses them as it goes.
    total
        How many jobs there will be; None if only the sweeper knows.
    swept
        The keys that differ between jobs; of a search those that its sweeper chooses.
    """

    first: list[str] | None
    jobs: list[list[str]] | None
    total: int | None
    swept: list[str]


def single(config: DictConfig) -> Plan:
    """Return the plan of one run."""
    job = as_given(config.hydra.overrides.task)
    return Plan(job, [job], 1, [])


def sweep(config: DictConfig) -> Plan:
    """Return the plan of a sweep, from what its sweeper is told.

    Raises
    ------
    UserError
        If a sweep over options matches none, or is told what it cannot take.
    """
    sweeper = config.hydra.sweeper
    searches = not str(sweeper._target_).endswith("BasicSweeper")
    if searches and sweeper.get("storage") is not None:
        # Hydra's plugin holds Optuna below 3, whose databases cannot do with SQLAlchemy 2.
        raise UserError(
            f"hydra.sweeper.storage must be null, got {sweeper.storage}: this Optuna's databases "
            "do not work beside MLflow; resume=true goes on with a study"
        )
    told = _told(sweeper.get("params") or {}, as_given(config.hydra.overrides.task))
    values = {key: _values(override, searches) for key, override in told.items()}
    check_swept(told, sweeper)
    set_by = [override.get_key_element() for override in told.values()]
    first = [f"{key}={choices[0]}" for key, choices in zip(set_by, values.values(), strict=True)]
    if searches:
        chosen = [key for key, override in told.items() if override.is_sweep_override()]
        known = first if "params" in sweeper else None
        return Plan(known, None, sweeper.get("n_trials"), chosen)
    _refuse_too_many(math.prod(map(len, values.values())), "this sweep")
    combined = itertools.product(*values.values())
    jobs = [[f"{k}={v}" for k, v in zip(set_by, job, strict=True)] for job in combined]
    swept = [key for key, choices in values.items() if len(choices) > 1]
    return Plan(first, jobs, len(jobs), swept)


def _told(params: Mapping[str, Any], task: list[str]) -> dict[str, Override]:
    """Parse `hydra.sweeper.params` and the command line, by key.

    Of a key given twice the last counts, in the first's place; +key, ++key and key are one.
    """
    loader = GlobalHydra.instance().config_loader()
    texts = [f"{key}={value}" for key, value in params.items()] + task
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(texts)
    return {key_of(override.get_key_element()): override for override in overrides}


def _values(override: Override, searches: bool) -> list[str]:
    """Return the values that a sweep gives a key; of an interval its start."""
    value = override.value()
    if not override.is_sweep_override():
        return [override.get_value_element_as_str()]
    if isinstance(value, IntervalSweep):
        return [str(value.start)]
    if searches and isinstance(value, Glob):
        key = override.get_key_element()
        raise UserError(f"{override.input_line}: a search takes {key}=choice(...), no glob")
    values = list(itertools.islice(override.sweep_string_iterator(), _MOST_JOBS + 1))
    if not values:
        raise UserError(f"{override.input_line} matches no option; --help lists them")
    _refuse_too_many(len(values), override.input_line)
    return values


def _refuse_too_many(n: int, what: str | None) -> None:
    """Raise UserError if so many jobs, or values of a key, are more than can be planned."""
    if n > _MOST_JOBS:
        raise UserError(f"{what}: a sweep takes at most {_MOST_JOBS:,} jobs; make several of it")


def compose(config: DictConfig, job: list[str]) -> DictConfig:
    """Return the configuration of one job of a sweep.

    Raises
    ------
    UserError
        If its overrides do not fit together, or come too late.
    """
    try:
        composed = GlobalHydra.instance().config_loader().load_sweep_config(config, job)
    except Exception as error:
        if said := explained(error):
            raise UserError(f"the job {' '.join(job)} cannot be composed: {said}") from None
        raise
    check_choices(composed)
    refuse_late(config, composed, job)
    return composed


def check(config: DictConfig, jobs: Sequence[list[str]]) -> None:
    """Compose a job for each combination of options and other values; numbers are all alike.

    Raises
    ------
    UserError
        If a job's overrides do not fit together.
    """
    seen = set()
    for job in jobs:
        kinds = tuple(map(_kind, job))
        if kinds not in seen:
            compose(config, job)
        seen.add(kinds)


def _kind(override: str) -> str:
    """Return a key and its number's type, else the override."""
    key, _, value = override.partition("=")
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            kind(value)
            return f"{key}={kind.__name__}"
    return override


def tell(config: DictConfig, planned: Plan) -> None:
    """Print how many runs there will be, how many are finished, and the time they will take.

    Nothing is written, in a folder or in the store.

    Raises
    ------
    Enough
        When all is said: nothing is to be run.
    UserError
        If this sweeper's trials cannot be known.
    """
    if planned.jobs is None and planned.total is None:
        raise UserError("dry_run=true cannot know what this sweeper will try")
    if planned.jobs is None:
        print(f"{planned.total} trials, chosen as the search goes on: their time is not known.")
    else:
        _tell_jobs(config, planned.jobs)
    print("Nothing was started (dry_run=true).")
    raise Enough


def _tell_jobs(config: DictConfig, jobs: Sequence[list[str]]) -> None:
    done: set[int] = set()
    if config.resume:
        done = _finished(config, jobs)
    left = [job for i, job in enumerate(jobs) if i not in done]
    text = f"{len(jobs)} runs"
    if config.resume:
        text += f", {len(done)} of them finished already"
    print(f"{text}.", flush=True)
    if left:
        print(_estimate(config, left))


def _finished(config: DictConfig, planned: Sequence[list[str]]) -> set[int]:
    """Return which jobs a finished run in the store stands for."""
    from noise_exp.tracking import reading
    from noise_exp.tracking.store import NoStoreError, Store

    try:
        store = Store.existing(config.tracking.uri, config.tracking.experiment, untouched=True)
    except NoStoreError:
        return set()
    known = reading.finished(store, source_digest())
    if not known:
        return set()
    done = set()
    for i, job in enumerate(planned):
        cfg = compose(config, job)
        if fingerprint(cfg, build(cfg)) in known:
            done.add(i)
    return done


def _setting(job: list[str]) -> tuple[str, ...]:
    """Return a job's overrides without its seeds."""
    return tuple(o for o in job if not _SEED.match(o))


def _estimate(config: DictConfig, left: Sequence[list[str]]) -> str:
    """Time a few epochs of each setting that is swept, whatever its seed."""
    settings: dict[tuple[str, ...], list[list[str]]] = {}
    for job in left:
        settings.setdefault(_setting(job), []).append(job)
    launcher = config.hydra.launcher
    start = time.perf_counter()
    seconds: list[float] = []
    weights: list[int] = []
    for same in settings.values():
        if seconds and time.perf_counter() - start > _BUDGET:
            break
        cfg = compose(config, same[0])
        seconds.append(_time(cfg, cfg.threads or launchers.per_job(launcher)))
        weights.append(len(same))
    # What was not timed is taken for the mean of what was.
    measured = sum(s * n for s, n in zip(seconds, weights, strict=True)) / sum(weights)
    around = _AROUND if config.tracking.enabled else _AROUND_UNTRACKED
    total = (measured + around) * len(left)
    timed = (
        f"from {_EPOCHS} epochs of {len(seconds)} of {len(settings)} settings, timed now"
        f" one at a time, and {around:g} s around each run"
    )
    if "n_jobs" in launcher:
        at_once = min(len(left), launchers.jobs_at_once(launcher))
        return f"About {duration(total / at_once)} with {at_once} jobs at once ({timed})."
    if not launchers.is_serial(launcher):
        return f"About {duration(total)} of one worker's time, to be shared among them ({timed})."
    return f"About {duration(total)} ({timed})."


def _time(cfg: DictConfig, threads: int) -> float:
    """Return the seconds that a run will take, from its first epochs."""
    start = time.perf_counter()
    trial = build(cfg, threads)
    built = time.perf_counter() - start
    records = list(itertools.islice(trial.train(), _EPOCHS))
    start = time.perf_counter()
    trial.test()
    tested = time.perf_counter() - start
    first, last = records[0], records[-1]
    spent = last.train_seconds
    if last.progress > first.progress:
        speed = (spent - first.train_seconds) / (last.progress - first.progress)
        spent += speed * (1 - last.progress)
    return built + spent + tested
