"""What is written for people, beside a run's own records: never in the place of what is not ours.

A file is ours if it is as this program left it: `.noise_exp/written` lists what was written to
the folder, as `sha256sum` does. Any other file, one of ours that was edited included, is the
user's.
"""

import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from noise_exp.errors import UserError
from noise_exp.runs.journal import RECORDS

REPORT = (
    "report.html", "runs.csv", "comparison.csv", "comparison.md", "report_targets.csv",
    "report_pairs.csv", "report_variance.csv",
    "report_methods.csv", "report_runs.csv",  # of earlier versions: removed, as no longer true
)  # fmt: skip
# All that the end of a sweep may write.
SWEEP = (
    *REPORT, "cost_per_training.png", "training_time.png", "misclassification.png", "trials.csv",
    "trials.md", "history.png", "settings.png",
)  # fmt: skip
_WRITTEN = "written"

log = logging.getLogger(__name__)


def refuse_foreign(folder: Path, names: Iterable[str], key: str) -> None:
    """Refuse a folder that holds one of the names, unless it is ours; `key` says where to go.

    Raises
    ------
    UserError
        With the file's name.
    """
    for path in (folder / name for name in names):
        if os.path.lexists(path) and not is_ours(path):
            raise UserError(
                f"{path} is not a file that this program wrote, or was edited since; set {key} "
                "to another folder, or move the file away"
            )


def is_ours(path: Path) -> bool:
    """Whether a file is as this program left it."""
    try:
        written = (path.parent / RECORDS / _WRITTEN).read_text(encoding="utf-8").splitlines()
        return _line(path.name, path.read_bytes()) in written
    except (OSError, ValueError):
        return False


def write(folder: Path, name: str, content: bytes) -> str:
    """Write a file whole, in the place of ours alone; return its path relative to the folder.

    Where a file that is not ours has come since the start, it stays, and ours goes to the folder
    of records.
    """
    records = folder / RECORDS
    records.mkdir(parents=True, exist_ok=True)
    part = records / f"{name}.part"
    part.write_bytes(content)
    if os.path.lexists(folder / name) and not is_ours(folder / name):
        part.replace(records / name)
        log.warning(
            "%s is not a file that this program wrote: it stays, and ours is %s",
            folder / name,
            records / name,
        )
        return f"{RECORDS}/{name}"
    with (records / _WRITTEN).open("a", encoding="utf-8") as file:
        file.write(f"{_line(name, content)}\n")
    part.replace(folder / name)
    return name


def _line(name: str, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {name}"
