"""What a sweep left in its folder, one run after the other."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noise_exp.errors import UserError
from noise_exp.records.record import from_folder, options
from noise_exp.records.results import Result


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Attributes
    ----------
    result
        What it ended with.
    curves
        Values by epoch, as in a `Record`.
    """

    result: Result
    curves: Mapping[str, list[float]]

    @property
    def settings(self) -> dict[str, str]:
        """What was set for it, by key."""
        return options(self.result.overrides)

    @property
    def error_rate(self) -> float:
        """Share of the test images misclassified, 0 to 1."""
        return self.result.test_errors / self.result.test_size


def load(folder: Path) -> list[Run]:
    """Read the finished runs below a folder.

    Raises
    ------
    UserError
        If there is none, or a run is another sweep's and so has no curve there.
    """
    runs = []
    for path in sorted(folder.glob("**/result.json")):
        result = Result(**json.loads(path.read_text()))
        if result.reused:
            raise UserError(f"{folder} reused earlier runs; sweep again without resume=true")
        if result.error is None:
            runs.append(Run(result, from_folder(path.parent).curves))
    if not runs:
        raise UserError(f"{folder} holds no finished run; give a sweep's folder, multirun/...")
    return runs


def by_method(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Group runs by law in the article's order; within one, by seed."""
    ordered = sorted(runs, key=lambda r: (r.result.letter or "~", int(r.settings.get("seed", 0))))
    groups: dict[str, list[Run]] = {}
    for run in ordered:
        groups.setdefault(run.result.dist, []).append(run)
    return groups


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error; not a number for a single value."""
    array = np.asarray(values, float)
    error = float(np.std(array, ddof=1) / math.sqrt(len(array))) if len(array) > 1 else math.nan
    return float(np.mean(array)), error
