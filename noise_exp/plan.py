"""What a command is about to run, and how long that will take: `dry_run=true`."""

import itertools
import re
import time
from collections.abc import Sequence

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from noise_exp import cores
from noise_exp.console import duration
from noise_exp.errors import UserError
from noise_exp.experiment import Experiment, source_digest

_EPOCHS = 4  # that are timed, the first of them apart: it fills caches
_BUDGET = 30.0  # seconds that may go into timing
_SEED = re.compile(r"seed=\d+$|seeds\.(init|data|noise)=\d+$")
# Seconds of a run that the timing here does not see: Hydra's work, figures, the store.
_AROUND = 0.4
_AROUND_UNTRACKED = 0.1


def jobs(config: DictConfig) -> list[list[str]] | None:
    """Return the overrides of every job of a sweep; None where only the sweeper knows them.

    Raises
    ------
    UserError
        If a sweep over options matches none.
    """
    sweeper = config.hydra.sweeper
    if not str(sweeper._target_).endswith("BasicSweeper"):
        return None
    arguments = [f"{k}={v}" for k, v in (sweeper.params or {}).items()]
    arguments += list(config.hydra.overrides.task)
    loader = GlobalHydra.instance().config_loader()
    values: dict[str, list[str]] = {}  # of a key given twice the last counts, in the first's place
    for override in OverridesParser.create(config_loader=loader).parse_overrides(arguments):
        key = override.get_key_element()
        if not override.is_sweep_override():
            values[key] = [override.get_value_element_as_str()]
        elif override.is_discrete_sweep():
            values[key] = list(override.sweep_string_iterator())
        else:
            return None
        if not values[key]:
            raise UserError(f"{override.input_line} matches no option; --help lists them")
    chosen = itertools.product(*values.values())
    return [[f"{k}={v}" for k, v in zip(values, job, strict=True)] for job in chosen]


def compose(config: DictConfig, job: list[str]) -> DictConfig:
    """Return the configuration of one job of a sweep."""
    return GlobalHydra.instance().config_loader().load_sweep_config(config, job)


def tell(config: DictConfig, planned: list[list[str]] | None) -> None:
    """Print how many runs there will be, how many are finished, and the time they will take.

    Nothing is written, in a folder or in the store.
    """
    if planned is None:
        raise UserError("dry_run=true cannot know what this sweeper will try")
    done: set[int] = set()
    if config.resume:
        done = _finished(config, planned)
    left = [job for i, job in enumerate(planned) if i not in done]
    text = f"{len(planned)} runs"
    if config.resume:
        text += f", {len(done)} of them finished already"
    print(f"{text}.", flush=True)
    if left:
        print(_estimate(config, left))
    print("Nothing was started (dry_run=true).")


def _finished(config: DictConfig, planned: Sequence[list[str]]) -> set[int]:
    """Return which jobs a finished run in the store stands for."""
    from noise_exp.tracking import records

    tracking = config.tracking
    known = records.finished(tracking.uri, tracking.experiment, source_digest())
    if not known:
        return set()
    done = set()
    composed: dict[tuple[str, ...], DictConfig] = {}
    for i, job in enumerate(planned):
        setting = _setting(job)
        if setting not in composed:
            composed[setting] = compose(config, job)
        cfg = composed[setting]
        for override in job:  # composing each job anew would take several times as long
            if override not in setting:
                key, _, value = override.partition("=")
                OmegaConf.update(cfg, key, int(value))
        if Experiment(cfg).fingerprint in known:
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
        seconds.append(_time(cfg, cfg.threads or cores.per_job(launcher)))
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
        at_once = min(len(left), cores.jobs_at_once(launcher))
        return f"About {duration(total / at_once)} with {at_once} jobs at once ({timed})."
    if not str(launcher._target_).endswith("BasicLauncher"):
        return f"About {duration(total)} of one worker's time, to be shared among them ({timed})."
    return f"About {duration(total)} ({timed})."


def _time(cfg: DictConfig, threads: int) -> float:
    """Return the seconds that a run will take, from its first epochs."""
    start = time.perf_counter()
    experiment = Experiment(cfg, threads)
    built = time.perf_counter() - start
    ends = [record.train_seconds for record in itertools.islice(experiment.train(), _EPOCHS)]
    start = time.perf_counter()
    experiment.test()
    tested = time.perf_counter() - start
    more = experiment.epochs - len(ends)
    an_epoch = (ends[-1] - ends[0]) / max(1, len(ends) - 1)
    return built + ends[-1] + more * an_epoch + tested
