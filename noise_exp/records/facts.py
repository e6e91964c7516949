"""What is known of a run, as its record holds it."""

import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Facts:
    """What `run.json` holds.

    Attributes
    ----------
    name, tags, params
        Of the run in the store.
    dataset
        Its input: name, digest, source, and a profile (images per part).
    uri, experiment_id
        The store that is to be told, without its password; `uri` is None where the run is not
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
    files
        Artifacts that stay where they are, relative to the folder.
    delivered
        Whether the store has been told everything.
    """

    name: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    dataset: dict[str, Any] | None = None
    uri: str | None = None
    experiment_id: str = ""
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    run_id: str | None = None
    status: str = "RUNNING"
    start_time: int = field(default_factory=lambda: now())
    end_time: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[float | None]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    delivered: bool = False


def masked(uri: str) -> str:
    """Return a URI, or a text with URIs in it, without passwords."""
    return re.sub(r"(://[^/@:\s]*):[^/\s]*@", r"\1:***@", uri)


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return int(time.time() * 1000)
