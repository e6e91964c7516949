"""What is known of a run, as its record holds it."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NAME_LENGTH = 250  # of a run, in the databases that MLflow uses


@dataclass(frozen=True)
class DataSet:
    """What a run was trained and tested on; `sizes` are images per part."""

    name: str
    digest: str
    source: str
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Facts:
    """What `run.json` holds.

    Attributes
    ----------
    name, tags, params
        Of the run in the store.
    command, note
        What started it, and its description.
    parent_id
        The store's id of the sweep's run.
    dataset
        Its input.
    sweep, job, overrides
        The uid of the sweep that it is a job of (empty for a run alone), its number in it, and
        what was set for it, as "key=value".
    reused
        Whether an earlier run, `run_id`, stands for this job.
    uri, experiment_id
        The store that is to be told, without its secrets; `uri` is None where the run is not
        tracked.
    uid
        Made with the folder's record, before the store gives the run an id of its own.
    run_id
        The store's id, as soon as it is known.
    status
        RUNNING, FINISHED, FAILED or KILLED.
    start_time, end_time
        In milliseconds since 1970.
    metrics
        Final values.
    series
        Metrics with a value per step, from step 0 on; None where a step has none.
    artifacts
        Names of those on their way to the store, which leave the folder when it has them.
    files
        Artifacts that stay where they are, relative to the folder.
    delivered
        Whether the store has been told everything.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    note: str | None = None
    parent_id: str | None = None
    dataset: DataSet | None = None
    sweep: str = ""
    job: int = 0
    overrides: Sequence[str] = field(default_factory=list)
    reused: bool = False
    uri: str | None = None
    experiment_id: str = ""
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    run_id: str | None = None
    status: str = "RUNNING"
    start_time: int = field(default_factory=lambda: now())
    end_time: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    artifacts: Sequence[str] = field(default_factory=list)
    files: Sequence[str] = field(default_factory=list)
    delivered: bool = False

    @property
    def storable(self) -> "Facts":
        """The same, with every text as a store takes it."""
        text = json.dumps(asdict(self), ensure_ascii=False)
        return self if text.isascii() else self.of_json(json.loads(decoded(text)))

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> "Facts":
        """Return the facts that `dataclasses.asdict` made.

        Raises
        ------
        ValueError
            If they are no run's.
        """
        try:
            dataset = content.get("dataset")
            return cls(**{**content, "dataset": dataset and DataSet(**dataset)})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not the record of a run: {error}") from None


def decoded(text: str) -> str:
    """Return a text of the command line's whose bytes are not in the locale's encoding as UTF-8.

    Python keeps such bytes as lone surrogates, which no file and no store takes.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return int(time.time() * 1000)
