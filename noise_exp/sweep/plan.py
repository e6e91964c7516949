"""What a sweep is going to run: its jobs, from what its sweeper is given, checked at the start."""

import contextlib
import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, IntervalSweep, Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from noise_exp.errors import UserError, in_words
from noise_exp.job import launchers
from noise_exp.job.build import build
from noise_exp.job.config import TrackingConfig
from noise_exp.job.config_errors import explained, words
from noise_exp.job.describe import as_given, check_choices, plain
from noise_exp.runs.record import key_of, settings
from noise_exp.training.trial import Trial

_MOST_JOBS = 100_000  # more would take days, and minutes to be planned
# And all of tracking: a sweep has one of each.
_OF_THE_WHOLE = ("resume", "dry_run", "diagnostics", "score")
_READ_BEFORE = ("sweeper", "launcher", "callbacks")  # a job is composed

Made = tuple[Mapping[str, Any], Callable[[], Trial]]
"""Of one job: the configuration's values, and what builds it."""


@dataclass(frozen=True)
class Plan:
    """A command: its jobs, and what they have one of.

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
    folder
        Of its output.
    asked
        What was typed, as "key=value".
    tracking, resume
        As configured.
    launcher
        What launches the jobs.
    """

    first: list[str] | None
    jobs: list[list[str]] | None
    total: int | None
    swept: list[str]
    folder: Path
    asked: list[str]
    tracking: TrackingConfig
    resume: bool
    launcher: launchers.Launcher


def single(config: DictConfig) -> Plan:
    """Return the plan of one run."""
    job = as_given(config.hydra.overrides.task)
    return Plan(job, [job], 1, [], Path(config.hydra.run.dir), **_of_the_whole(config))


def _of_the_whole(config: DictConfig) -> dict[str, Any]:
    """Return what the jobs of a command have one of, but for the folder."""
    return {
        "asked": as_given(config.hydra.overrides.task),
        "tracking": OmegaConf.to_object(config.tracking),
        "resume": config.resume,
        "launcher": launchers.kind_of(config.hydra.launcher),
    }


def sweep(config: DictConfig) -> Plan:
    """Return the plan of a sweep, from what its sweeper is given; see its launcher prepared for it.

    Raises
    ------
    UserError
        If a sweep over options matches none, or is given what it cannot take.
    """
    sweeper = config.hydra.sweeper
    searches = not str(sweeper._target_).endswith("BasicSweeper")
    if searches and sweeper.get("storage") is not None:
        # Hydra's plugin holds Optuna below 3, whose databases cannot do with SQLAlchemy 2.
        raise UserError(
            f"hydra.sweeper.storage must be null, got {sweeper.storage}: this Optuna's databases "
            "do not work beside MLflow; resume=true goes on with a study"
        )
    given = _given(sweeper.get("params") or {}, as_given(config.hydra.overrides.task))
    values = {key: _values(override, searches) for key, override in given.items()}
    _check_swept(given, sweeper)
    set_by = [override.get_key_element() for override in given.values()]
    first = [f"{key}={choices[0]}" for key, choices in zip(set_by, values.values(), strict=True)]
    jobs: list[list[str]] | None = None
    if searches:
        swept = [key for key, override in given.items() if override.is_sweep_override()]
        total = sweeper.get("n_trials")
    else:
        _refuse_too_many(math.prod(map(len, values.values())), "this sweep")
        combined = itertools.product(*values.values())
        jobs = [[f"{k}={v}" for k, v in zip(set_by, job, strict=True)] for job in combined]
        swept = [key for key, choices in values.items() if len(choices) > 1]
        total = len(jobs)
    launchers.prepare(config, total)
    known = first if "params" in sweeper or not searches else None
    folder = Path(config.hydra.sweep.dir)
    return Plan(known, jobs, total, swept, folder, **_of_the_whole(config))


def _given(params: Mapping[str, Any], task: list[str]) -> dict[str, Override]:
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
        said = explained(error) or in_words(error)
        raise UserError(f"the job {' '.join(job)} cannot be composed: {said}") from None
    check_choices(composed)
    _refuse_late(config, composed, job)
    return composed


def maker(config: DictConfig) -> Callable[[list[str]], Made]:
    """Return what makes a job of its overrides."""

    def made(job: list[str]) -> Made:
        cfg = compose(config, job)
        threads = cfg.threads or launchers.per_job(config.hydra.launcher)
        own = _own(cfg)
        return plain(own), lambda: build(own, threads)

    return made


def _own(cfg: DictConfig) -> DictConfig:
    """Return a configuration without Hydra's part."""
    return OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])


def check(config: DictConfig, planned: Plan) -> None:
    """Build the first job, and compose one for each combination of options and other values.

    Numbers of a kind are all alike.

    Raises
    ------
    UserError
        If the first cannot be built, a job's overrides do not fit together or leave a key without
        a value, or there is no store to resume from.
    """
    make = maker(config)
    if planned.first is not None:
        make(planned.first)[1]()
    for job in {tuple(map(_kind, job)): job for job in planned.jobs or ()}.values():
        own = _own(compose(config, job))
        try:
            OmegaConf.to_container(own, throw_on_missing=True)
        except MissingMandatoryValue as error:
            raise UserError(f"the job {' '.join(job)} cannot be composed: {words(error)}") from None
        if config.diagnostics:  # which estimators have what they compare is known once it is built
            make(job)[1]()
    if planned.resume and not planned.tracking.enabled:
        raise UserError(
            "resume=true looks for finished runs in the tracking store; set tracking.enabled=true"
        )


def _kind(override: str) -> str:
    """Return a key and its number's type, else the override."""
    key, _, value = override.partition("=")
    number = as_number(value)
    return override if number is value else f"{key}={type(number).__name__}"


def as_number(text: str | None) -> float | int | str | None:
    """Return a text as a number where it is one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text or "")
    return text


def _check_swept(given: Mapping[str, Override], sweeper: DictConfig) -> None:
    """See that a sweep as a whole can be what it is asked to be.

    Parameters
    ----------
    given
        What is set for the jobs, by key.
    sweeper
        The configuration `hydra.sweeper`.

    Raises
    ------
    UserError
        If it varies what it has one of, or would look for the worst.
    """
    direction = sweeper.get("direction")
    if direction is not None and str(getattr(direction, "name", direction)) != "minimize":
        raise UserError(
            f"hydra.sweeper.direction must be minimize, got {direction}: a run's score is its "
            "cost, or its error rate, of the validation images or the last of training"
        )
    for key, override in given.items():
        whole = key in _OF_THE_WHOLE or key.startswith("tracking.")
        if whole and override.is_discrete_sweep():
            raise UserError(f"{override.input_line}: a sweep takes one {key} for all")


def _refuse_late(sweep: DictConfig, job: DictConfig, overrides: Sequence[str]) -> None:
    """See that a job would change nothing that Hydra has read before it composes one.

    Raises
    ------
    UserError
        If it would, as by an experiment with a sweep of its own.
    """
    given = settings(as_given(sweep.hydra.overrides.task))
    for key in _READ_BEFORE:
        if _read(sweep, key, given) != _read(job, key, given):
            raise UserError(
                f"the job {' '.join(overrides)} sets hydra.{key}, too late in a sweep: an option "
                "that sets hydra's sweeper or launcher, such as an experiment with a sweep of its "
                "own, cannot be swept over; give it a command of its own"
            )


def _read(config: DictConfig, key: str, given: Collection[str]) -> Any:
    """Return what Hydra reads, without parameters that the command line sets anyway."""
    read: Any = OmegaConf.to_container(OmegaConf.select(config.hydra, key), resolve=False)
    if params := read.get("params"):
        read["params"] = {name: v for name, v in params.items() if key_of(name) not in given}
    return read
