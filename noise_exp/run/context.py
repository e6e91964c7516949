"""Which job this process is at, and what the process that launches a sweep tells its jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from noise_exp.errors import UserError
from noise_exp.records.journal import Journal

GROUPS = ("dist", "estimator", "optimizer", "seeds", "data", "network")


def as_given(overrides: Any) -> list[str]:
    """Return overrides as they were given: what the environment holds keeps its name there."""
    given: Any = OmegaConf.to_container(overrides, resolve=False)
    return list(given)


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


def check_choices(config: DictConfig) -> None:
    """See that each group has one option.

    Raises
    ------
    UserError
        If a list was given, or none.
    """
    for group in {*GROUPS, "rung"} - {*config.hydra.runtime.choices}:
        if not any(o.partition("=")[0] == f"~{group}" for o in config.hydra.overrides.task):
            raise UserError(
                f"{group} takes one option, not a list; write {group}=NAME, or "
                f"-m {group}=NAME,NAME for a run of each"
            )
        if group in GROUPS:
            raise UserError(f"{group} cannot be left out: write {group}=NAME instead of ~{group}")
    for group, option in config.hydra.runtime.choices.items():
        if str(option).endswith(".yaml"):  # Hydra reads it, and tables would name a method apart
            raise UserError(f"{group} takes the name of an option: {str(option)[:-5]} for {option}")


@dataclass(frozen=True)
class Job:
    """The job that Hydra composed for this process.

    Attributes
    ----------
    number
        In its sweep; 0 for a run alone.
    overrides
        What the command line or the sweep set, as "key=value".
    choices
        The option of each group.
    folder, sweep_folder
        Its output, and its sweep's.
    launcher
        The configuration `hydra.launcher`.
    in_sweep
        Whether it is one of many.
    """

    number: int
    overrides: Sequence[str]
    choices: Mapping[str, str]
    folder: Path
    sweep_folder: Path
    launcher: DictConfig
    in_sweep: bool

    @classmethod
    def current(cls) -> "Job":
        """Return the job that is running."""
        hydra = HydraConfig.get()
        in_sweep = hydra.mode == RunMode.MULTIRUN
        return cls(
            hydra.job.num if in_sweep else 0,
            as_given(hydra.overrides.task),
            {str(group): str(option) for group, option in hydra.runtime.choices.items()},
            Path(hydra.runtime.output_dir),
            Path(hydra.sweep.dir),
            hydra.launcher,
            in_sweep,
        )

    def shares_folder(self, sweep: SweepContext) -> bool:
        """Whether the launching process will find what this job leaves in its folder."""
        try:
            return Journal.load(self.sweep_folder).record.uid == sweep.uid
        except (OSError, ValueError):
            return False
