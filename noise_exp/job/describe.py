"""The door of a job: its configuration, Hydra's word on it and its sweep's, as one plain value."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.errors import UserError, in_words
from noise_exp.job import launchers
from noise_exp.job.build import build
from noise_exp.job.config import CONF_DIR, TrackingConfig
from noise_exp.job.config_errors import explained
from noise_exp.job.values import class_of, is_plain, texts_of
from noise_exp.runs.journal import Journal
from noise_exp.training.trial import Trial

GROUPS = ("dist", "estimator", "optimizer", "seeds", "data", "network")
_OPTIONS = ("dist", "estimator", "optimizer", "data")  # whose keys a class decides


@dataclass
class SweepContext(metaclass=Singleton):
    """The sweep that a job belongs to.

    Hydra's launchers carry the state of singletons to every job, in whatever process and on
    whatever machine, so that none of this needs a shared environment or file system.

    Attributes
    ----------
    uid
        Of the sweep; empty outside a sweep.
    pid
        Of the launching process.
    uri, experiment_id, parent_id
        The store and the parent run; the job need not look for them, and may start while the
        store is away.
    finished
        With resume=true: run id and score of each finished run, by fingerprint.
    alive
        With resume=true: run id of each run that another process is at, by fingerprint.
    total
        How many jobs the sweep has; None if only its sweeper knows.
    swept
        The keys that differ between its jobs.
    broken
        Why it cannot go on, where that is known.
    """

    uid: str = ""
    pid: int = 0
    uri: str | None = None
    experiment_id: str = ""
    parent_id: str | None = None
    finished: dict[str, tuple[str, float]] = field(default_factory=dict)
    alive: dict[str, str] = field(default_factory=dict)
    total: int | None = None
    swept: list[str] = field(default_factory=list)
    broken: str = ""


@dataclass(frozen=True)
class Job:
    """All that is said of one job.

    Attributes
    ----------
    number, in_sweep
        In its sweep; 0 for a run alone.
    overrides
        What the command line or the sweep set, as "key=value".
    choices
        The option of each group.
    folder, sweep_folder
        Its output, and its sweep's.
    launcher, threads
        What launched it, and how many threads it may use.
    tracking
        Whether, where and what of it is tracked.
    config
        Its values; none if one cannot be had, as `build` tells.
    kept, text
        The same as files and stores keep them, and as YAML: what the environment holds has its
        name there.
    sweep
        What the launching process says of it.
    """

    number: int
    in_sweep: bool
    overrides: Sequence[str]
    choices: Mapping[str, str]
    folder: Path
    sweep_folder: Path
    launcher: launchers.Launcher
    threads: int
    tracking: TrackingConfig
    config: Mapping[str, Any]
    kept: Mapping[str, Any]
    text: str
    sweep: SweepContext

    @property
    def shares_folder(self) -> bool:
        """Whether the launching process will find what this job leaves in its folder."""
        try:
            return Journal.load(self.sweep_folder).record.uid == self.sweep.uid
        except (OSError, ValueError):
            return False


def describe(cfg: DictConfig, hydra: Any, sweep: SweepContext) -> Job:
    """Return what a configuration, Hydra's own for this job and its sweep say of it.

    Raises
    ------
    omegaconf.errors.OmegaConfBaseException
        If a value of `tracking` cannot be had.
    """
    config, kept, text = {}, {}, ""
    with suppress(OmegaConfBaseException):  # build tells which
        named = OmegaConf.create(_as_kept(OmegaConf.to_container(cfg, resolve=False)))
        kept, text = plain(named), OmegaConf.to_yaml(named, resolve=True)
        config = plain(cfg)
    in_sweep = hydra.mode == RunMode.MULTIRUN
    return Job(
        hydra.job.num if in_sweep else 0,
        in_sweep,
        as_given(hydra.overrides.task),
        _choices(hydra.runtime.choices),
        Path(hydra.runtime.output_dir),
        Path(hydra.sweep.dir),
        launchers.kind_of(hydra.launcher),
        config.get("threads") or launchers.per_job(hydra.launcher),
        OmegaConf.to_object(cfg.tracking),  # type: ignore[arg-type]
        config,
        kept,
        text,
        sweep,
    )


def _choices(given: Mapping[Any, Any]) -> dict[str, str]:
    """Return the option of each group; conf/dist/more keeps some out of dist=glob(*) alone."""
    return {str(group): str(option).removeprefix("more/") for group, option in given.items()}


def plain(cfg: DictConfig) -> dict[str, Any]:
    """Return a configuration's values; an enumeration's by its name."""
    values: Any = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    return values


def _as_kept(node: Any) -> Any:
    """Return values, not yet resolved, in which what the environment holds keeps its name."""
    if isinstance(node, dict):
        return {key: _as_kept(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_as_kept(value) for value in node]
    secret = isinstance(node, str) and re.search(r"\$\{\s*oc\.env\s*:", node)
    return node.replace("${", "\\${") if secret else node


def trial_of(overrides: Sequence[str], threads: int = 1) -> Trial:
    """Return what a command with these overrides would train.

    Raises UserError like `build`.
    """
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        try:
            cfg = compose("config", list(overrides))
        except Exception as error:
            raise UserError(explained(error) or in_words(error)) from None
        keep_text(cfg, overrides)
        return build(cfg, threads)


def as_given(overrides: Any) -> list[str]:
    """Return overrides as they were given: what the environment holds keeps its name there."""
    given: Any = OmegaConf.to_container(overrides, resolve=False)
    return list(given)


def check_choices(config: DictConfig) -> None:
    """See that each group has one option.

    Raises
    ------
    UserError
        If a list was given, or none.
    """
    for group in {*GROUPS, "preset"} - {*config.hydra.runtime.choices}:
        raise UserError(
            f"{group} takes one option, not a list or none; write {group}=NAME, or "
            f"-m {group}=NAME,NAME for a run of each"
        )
    for group, option in config.hydra.runtime.choices.items():
        if str(option).endswith(".yaml"):  # Hydra reads it, and tables would name a method apart
            raise UserError(f"{group} takes the name of an option: {str(option)[:-5]} for {option}")
        if group == "dist/more":  # beside dist, whose name the run would have
            raise UserError(f"dist takes one option: write dist=more/{option}")


def keep_text(config: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Give the keys that take text what was typed for them; return the overrides, that in quotes.

    Hydra and YAML read a name such as 2026_11_25 as a number.

    Parameters
    ----------
    config
        What was composed by the overrides.
    overrides
        As they were typed.
    """
    kept = []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        text, key = str(override.input_line), override.key_or_group
        if is_plain(override.value()) and _takes_text(config, key):
            typed = override.get_value_string().strip()
            OmegaConf.update(config, key, typed)
            text = f"{override.get_key_element()}='{typed}'"
        kept.append(text)
    return kept


def _takes_text(config: DictConfig, key: str) -> bool:
    group, _, name = key.partition(".")
    if group == "hydra":  # whose schema has made text of the number
        return isinstance(OmegaConf.select(config, key), str)
    if group == "tracking":
        return name in ("uri", "experiment")
    if group not in _OPTIONS or not name:
        return False
    with suppress(ValueError):  # reported when it is made
        return name in texts_of(class_of(config[group].get("_target_", "")))
    return False
