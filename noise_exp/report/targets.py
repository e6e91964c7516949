"""Time and forward passes to a target; a run that does not get there is censored, not left out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from noise_exp.report.runs import Runs
from noise_exp.runs.record import Record


@dataclass(frozen=True)
class Target:
    """A level of a metric that is measured every epoch; the lower the better."""

    metric: str = "train_error_rate"
    level: float = 0.1

    def __str__(self) -> str:
        return f"{self.metric} <= {self.level:g}"


def _reached(record: Record, target: Target, spent: str) -> tuple[float, bool] | None:
    """Return what a run had spent when it reached the target, or at its end, and whether it did.

    A value is known at the end of the epoch that measures it. None where nothing is known.
    """
    curve, used = record.curves.get(target.metric, []), record.spent(spent)
    if record.error or not curve or not math.isfinite(used[-1]):
        return None
    for value, at in zip(curve, used, strict=True):
        if value <= target.level:
            return at, True
    return used[-1], False


def to_target(runs: Runs, target: Target) -> pd.DataFrame:
    """Return one row per method.

    Columns: method, runs, reached; for train_seconds and forward_passes the Kaplan-Meier median
    with its 95% interval (nan: fewer than half reach the target, the interval is open, or the
    runs share seeds), and the restricted mean: of what is spent until the target or until
    `horizon`, the longest that every method was watched.
    """
    keys = ("train_seconds", "forward_passes")
    known = {m: {key: times(runs, m, target, key) for key in keys} for m in runs.methods}
    horizons = {key: _horizon([spent[key] for spent in known.values()]) for key in keys}
    rows = []
    for method, spent in known.items():
        at, there = spent["forward_passes"]
        row: dict[str, object] = {"method": method, "runs": len(at), "reached": int(there.sum())}
        for key in keys:
            found = _survival(*spent[key], horizons[key])
            if runs.crossed:  # seeds are shared: the runs are not independent
                found |= {"low": math.nan, "high": math.nan}
            row |= {f"{key}_{name}": v for name, v in found.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _horizon(spent: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return how long every method was watched, or the longest of all where all runs got there.

    A run that has reached the target is no longer watched, so only the others set it.
    """
    ends = [(float(max(at)), bool(there.all())) for at, there in spent if len(at)]
    watched = min((end for end, done in ends if not done), default=math.nan)
    return max((end for end, _ in ends), default=math.nan) if math.isnan(watched) else watched


def times(
    runs: Runs, method: str, target: Target, spent: str = "forward_passes"
) -> tuple[np.ndarray, np.ndarray]:
    """Return what the runs of a method had spent at the target or their end, and which got there.

    Those of which it is known, shape (runs,) each.
    """
    chosen = runs.table.record[runs.table.method == method]
    found = [at for record in chosen if (at := _reached(record, target, spent))]
    return np.array([at for at, _ in found]), np.array([there for _, there in found], bool)


def _survival(at: np.ndarray, there: np.ndarray, horizon: float) -> dict[str, float]:
    if not len(at):
        return dict.fromkeys(("median", "low", "high", "restricted_mean", "horizon"), math.nan)
    median = low = high = math.nan
    steps, heights = np.array([0.0]), np.array([1.0])  # of the survival function
    if there.any():
        from statsmodels.duration.survfunc import SurvfuncRight

        curve = SurvfuncRight(at, there.astype(int))
        median = float(curve.quantile(0.5))
        if len(at) > 1:
            with np.errstate(all="ignore"):
                low, high = map(float, curve.quantile_ci(0.5))
        steps = np.concatenate([steps, curve.surv_times])
        heights = np.concatenate([heights, curve.surv_prob])
    widths = np.diff(np.append(np.minimum(steps, horizon), horizon))
    values = (median, low, high, float(np.sum(heights * widths)), horizon)
    named = zip(("median", "low", "high", "restricted_mean", "horizon"), values, strict=True)
    return {name: value if math.isfinite(value) else math.nan for name, value in named}
