"""Numbers with the doubt that belongs to them, or with the reason why there is none."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FEW = 5  # seeds below which an interval would be a guess
_RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """A measured value and its interval; without one, `note` says why (it may also qualify one)."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""


def interquartile_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Mean of the middle half (Agarwal et al., Statistical Precipice, NeurIPS 2021)."""
    from scipy.stats import trim_mean

    return trim_mean(values, 0.25, axis=axis)


def bootstrap(values: np.ndarray, statistic: Callable[..., np.ndarray] = np.mean) -> Interval:
    """Return the 95% BCa bootstrap interval (Efron, 1987) of a statistic of finite values, (n,).

    Where BCa is not defined (its correction of bias is infinite), the percentile interval.
    """
    n = len(values)
    if n == 0:
        return Interval(note="no finite result")
    value = float(statistic(values))
    if n < FEW:
        return Interval(value, note=f"too few seeds ({n})")
    if np.all(values == values[0]):
        return Interval(value, float(values[0]), float(values[0]), f"all {n} seeds equal")
    from scipy.stats import bootstrap as resample

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a degenerate distribution: seen below
            ends = resample(
                (values,), statistic, method=method, n_resamples=_RESAMPLES, vectorized=True,
                rng=np.random.default_rng(0),
            ).confidence_interval  # fmt: skip
        if math.isfinite(ends.low) and math.isfinite(ends.high):
            note = "" if method == "BCa" else "percentile"
            return Interval(value, float(ends.low), float(ends.high), note)
    return Interval(value, note="not defined")


def student(values: np.ndarray, confidence: float = 0.95) -> Interval:
    """Return Student's t interval of a mean; values: (n,), two or more, independent."""
    from scipy import stats

    centre, n = float(np.mean(values)), len(values)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * float(stats.sem(values))
    return Interval(centre, centre - reach, centre + reach)


def wilson(count: int, total: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval (1927) of a proportion."""
    if not total:
        return Interval(note="no finite result")
    from scipy.stats import binomtest

    ends = binomtest(count, total).proportion_ci(confidence, "wilson")
    return Interval(count / total, float(ends.low), float(ends.high))
