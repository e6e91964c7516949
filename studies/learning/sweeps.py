"""What a sweep left in its folder, one run after the other."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from noise_exp.errors import UserError
from noise_exp.report.intervals import student
from noise_exp.report.pairs import compare
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record

MARGIN = 0.25  # points of the error rate; a smaller difference counts as none


def load(folder: Path) -> list[Record]:
    """Read the finished runs below a folder; those that stand for a job, in the store.

    Raises
    ------
    UserError
        If there is none, or the store that holds one cannot be read.
    """
    runs = [j.read() for j in Journal.below(folder) if j.record.tags.get("kind") == "run"]
    finished = [record for record in runs if record.error is None]
    if not finished:
        raise UserError(f"{folder} holds no finished run; give a sweep's folder, multirun/...")
    stored = _stored([record.run_id or "" for record in finished if record.reused])
    return [
        replace(stored[r.run_id], overrides=r.overrides) if r.run_id in stored else r
        for r in finished
    ]


def _stored(run_ids: list[str]) -> dict[str | None, Record]:
    if not run_ids:
        return {}
    from noise_exp.tracking import reading
    from noise_exp.tracking.store import opened

    with opened(None, None) as store:
        records = reading.read(store, store.by_id(run_ids).values())
    if lost := set(run_ids) - {record.run_id for record in records}:
        raise UserError(f"the store holds no run {', '.join(sorted(lost))}; run the sweep again")
    return {record.run_id: record for record in records}


def error_rate(record: Record) -> float:
    """Return the share of the test images misclassified, 0 to 1."""
    return record.final("test_error_rate")


def by_method(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by distribution in the article's order; within one, by seed."""
    ordered = sorted(records, key=lambda r: (r.letter or "~", int(r.params["seed"])))
    groups: dict[str, list[Record]] = {}
    for record in ordered:
        groups.setdefault(record.dist, []).append(record)
    return groups


def interval(values: Sequence[float], comparisons: int = 1) -> tuple[float, float]:
    """Mean, and how far its 95% interval reaches (Student's t); not a number for one value.

    Of several `comparisons` all intervals hold at once (Bonferroni).
    """
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    ends = student(np.asarray(values, float), 1 - 0.05 / comparisons)
    return ends.value, ends.high - ends.value


def verdict(differences: Sequence[float], comparisons: int) -> str:
    """Return the report's verdict on differences in points, one a seed, of several comparisons."""
    return str(compare(pd.Series(differences, dtype=float), comparisons, MARGIN)["verdict"])
