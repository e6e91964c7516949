"""What an earlier run left in a folder that is given to another."""

import logging
import shlex
from typing import TYPE_CHECKING

from noise_exp.errors import UserError
from noise_exp.records.disk import ARTIFACTS, EPOCHS, FACTS, RECORDS
from noise_exp.records.facts import Facts
from noise_exp.terminal import program

if TYPE_CHECKING:
    from noise_exp.records.journal import Journal

log = logging.getLogger(__name__)


def refuse_sibling(before: "Journal", facts: Facts) -> None:
    """Raise UserError if a record is that of another job of the same sweep: it is a result."""
    there = before.facts
    if facts.sweep and there.sweep == facts.sweep and there.job != facts.job:
        raise UserError(
            f"the output folder {before.folder} is that of job {there.job} of the same sweep; "
            "put ${hydra.job.num} into hydra.sweep.subdir"
        )


def put_aside(before: "Journal") -> None:
    """Move what an earlier run still owes its store to a folder below; delete its other files."""
    if before.facts.uri and not before.facts.delivered:
        log.warning(
            "An earlier run in %s still owes its store something, which is kept. Deliver it "
            "with\n    %s",
            before.folder,
            shlex.join([program("python"), "-m", "noise_exp.tracking", "sync", str(before.folder)]),
        )
        _move(before)
    before.clear_artifacts()


def _move(journal: "Journal") -> None:
    """Move a record and the files that it lists to a folder below; cut short, it can go on."""
    folder = journal.folder
    aside = folder / RECORDS / f"owed-{journal.facts.uid[:8]}"
    (aside / RECORDS).mkdir(parents=True, exist_ok=True)
    record = [f"{RECORDS}/{name}" for name in (ARTIFACTS, EPOCHS, FACTS)]
    for name in (*journal.facts.files, *record):
        if (folder / name).exists():
            (folder / name).replace(aside / name)
