"""Time and forward passes to a target; a run that does not get there is censored, not left out."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from noise_exp.records.record import Record
from noise_exp.report.runs import Runs


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
    spent = ("train_seconds", "forward_passes")
    known: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for method in runs.methods:
        known[method] = {key: times(runs, method, target, key) for key in spent}
    rows = []
    # A run that has reached the target is no longer watched, so only the others set the horizon.
    watched: dict[str, list[float]] = {
        key: [
            float(max(at)) if not all(there) else math.inf
            for at, there in (spending[key] for spending in known.values())
            if len(at)
        ]
        for key in spent
    }
    for method, spending in known.items():
        at, there = spending["forward_passes"]
        row: dict[str, object] = {"method": method, "runs": len(at), "reached": int(there.sum())}
        for key in spent:
            horizon = min(watched[key], default=math.inf)
            if math.isinf(horizon):
                horizon = max(
                    (float(max(t[key][0])) for t in known.values() if len(t[key][0])),
                    default=math.nan,
                )
            found = _survival(*spending[key], horizon)
            if runs.crossed:  # seeds are shared: the runs are not independent
                found |= {"low": math.nan, "high": math.nan}
            row |= {f"{key}_{name}": v for name, v in found.items()}
        rows.append(row)
    return pd.DataFrame(rows)


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
