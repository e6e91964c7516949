"""What a run owes a tracking store, beside what it is; kept with it until it is delivered."""

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise_exp.errors import UserError
from noise_exp.runs.disk import ARTIFACTS, EPOCHS, FACTS, RECORDS
from noise_exp.runs.record import DataSet, Record
from noise_exp.terminal import program

if TYPE_CHECKING:
    from noise_exp.runs.journal import Journal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owed:
    """What a store is to hold, and whether it does.

    Attributes
    ----------
    uri, experiment_id
        The store, in a record without its secrets; `uri` is None where the run is not tracked.
    series
        Metrics with a value per step, from step 0 on; None where a step has none.
    artifacts
        Names of those on their way to the store, which leave the folder when it has them.
    files
        Artifacts that stay where they are, relative to the folder.
    delivered
        Whether the store holds everything.
    """

    uri: str | None = None
    experiment_id: str = ""
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    artifacts: Sequence[str] = field(default_factory=list)
    files: Sequence[str] = field(default_factory=list)
    delivered: bool = False

    def __bool__(self) -> bool:
        """Whether the store lacks something."""
        return self.uri is not None and not self.delivered


OWED = {f.name for f in fields(Owed)}


def parsed(content: Mapping[str, Any]) -> tuple[Record, Owed]:
    """Return a run, and what it owes, from what a `run.json` holds.

    Raises
    ------
    ValueError
        If it is no run's.
    """
    try:
        owed = Owed(**{key: value for key, value in content.items() if key in OWED})
        known = {key: value for key, value in content.items() if key not in OWED}
        dataset = content.get("dataset")
        return Record(**{**known, "dataset": dataset and DataSet(**dataset)}), owed
    except (AttributeError, TypeError) as error:
        raise ValueError(f"not the record of a run: {error}") from None


def refuse_sibling(before: "Journal", record: Record) -> None:
    """Raise UserError if a record is that of another job of the same sweep: it is a result."""
    there = before.record
    if record.sweep and there.sweep == record.sweep and there.job != record.job:
        raise UserError(
            f"the output folder {before.folder} is that of job {there.job} of the same sweep; "
            "put ${hydra.job.num} into hydra.sweep.subdir"
        )


def how_to_deliver(folder: Path) -> str:
    """Say how to deliver later what is owed in a folder."""
    command = [program("python"), "-m", "noise_exp.tracking", "sync", str(folder)]
    return f"Deliver it with\n    {shlex.join(command)}"


def put_aside(before: "Journal") -> None:
    """Move what an earlier run still owes its store to a folder below; delete its other files.

    What is moved last is the record, so that it can go on where it was cut short.
    """
    if before.owed:
        log.warning(
            "An earlier run in %s still owes its store something, which is kept. %s",
            before.folder, how_to_deliver(before.folder),
        )  # fmt: skip
        aside = before.folder / RECORDS / f"owed-{before.record.uid[:8]}"
        (aside / RECORDS).mkdir(parents=True, exist_ok=True)
        record = [f"{RECORDS}/{name}" for name in (ARTIFACTS, EPOCHS, FACTS)]
        for name in (*before.owed.files, *record):
            if (before.folder / name).exists():
                (before.folder / name).replace(aside / name)
    before.clear_artifacts()
