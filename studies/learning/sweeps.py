"""What a sweep left in its folder, one run after the other."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from noise_exp.errors import UserError
from noise_exp.records.record import Record, below


def load(folder: Path) -> list[Record]:
    """Read the finished runs below a folder.

    Raises
    ------
    UserError
        If there is none, or a run is another sweep's and so has no curve there.
    """
    records = below(folder)
    if any(record.reused for record in records):
        raise UserError(f"{folder} reused earlier runs; sweep again without resume=true")
    finished = [record for record in records if record.error is None]
    if not finished:
        raise UserError(f"{folder} holds no finished run; give a sweep's folder, multirun/...")
    return finished


def error_rate(record: Record) -> float:
    """Return the share of the test images misclassified, 0 to 1."""
    return record.final("test_error_rate")


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by law in the article's order; within one, by seed."""
    ordered = sorted(records, key=lambda r: (r.letter or "~", int(r.params["seed"])))
    groups: dict[str, list[Record]] = {}
    for record in ordered:
        groups.setdefault(record.dist, []).append(record)
    return groups


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error; not a number for a single value."""
    array = np.asarray(values, float)
    error = float(np.std(array, ddof=1) / math.sqrt(len(array))) if len(array) > 1 else math.nan
    return float(np.mean(array)), error
