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
    """A 95% interval; where there is none, `note` says why (it may also qualify one)."""

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
    if n < FEW:
        return Interval(note=f"too few seeds ({n})")
    if np.all(values == values[0]):
        return Interval(float(values[0]), float(values[0]), f"all {n} seeds equal")
    from scipy.stats import bootstrap as resample

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a degenerate distribution: seen below
            found = resample(
                (values,), statistic, method=method, n_resamples=_RESAMPLES, vectorized=True,
                rng=np.random.default_rng(0),
            ).confidence_interval  # fmt: skip
        if math.isfinite(found.low) and math.isfinite(found.high):
            return Interval(
                float(found.low), float(found.high), "" if method == "BCa" else "percentile"
            )
    return Interval(note="not defined")


def wilson(count: int, total: int) -> Interval:
    """Return Wilson's 95% interval (1927) of a proportion."""
    if not total:
        return Interval(note="no finite result")
    from scipy.stats import binomtest

    found = binomtest(count, total).proportion_ci(method="wilson")
    return Interval(float(found.low), float(found.high))
