"""What the process that launches a sweep tells its jobs."""

from dataclasses import dataclass, field

from hydra.core.singleton import Singleton


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
    """

    uid: str = ""
    pid: int = 0
    uri: str | None = None
    experiment_id: str = ""
    parent_id: str | None = None
    finished: dict[str, tuple[str, float]] = field(default_factory=dict)
    alive: dict[str, str] = field(default_factory=dict)
    total: int | None = None
