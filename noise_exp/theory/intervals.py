"""Intervals of what is measured.

The checks of one claim share an error rate of 1%: each of `family` intervals has the confidence
1 - 0.01 / family (Bonferroni), so that a true claim fails by chance once in a hundred seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from noise_exp.figures.theory import Points

ERROR_RATE = 0.01
_RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A measured value and its confidence interval."""

    value: float
    low: float
    high: float
    exact: bool = False  # nothing was sampled


def exact(value: float, rounding: float) -> Interval:
    """Return a value that only rounding makes uncertain."""
    return Interval(value, value - rounding, value + rounding, exact=True)


def mean(sample: np.ndarray, family: int = 1) -> Interval:
    """Student's t interval of a mean; sample: (n,), independent."""
    centre, error = float(np.mean(sample)), float(stats.sem(sample))
    reach = float(stats.t.ppf(1 - ERROR_RATE / family / 2, len(sample) - 1)) * error
    return Interval(centre, centre - reach, centre + reach)


def share(hits: int, n: int, family: int = 1) -> Interval:
    """Wilson's interval of a share (Wilson 1927)."""
    found = stats.binomtest(hits, n).proportion_ci(1 - ERROR_RATE / family, "wilson")
    return Interval(hits / n, float(found.low), float(found.high))


def median(sample: np.ndarray, family: int = 1) -> Interval:
    """Interval of a median from the order statistics; sample: (n,)."""
    found = stats.quantile_test(sample, p=0.5).confidence_interval(1 - ERROR_RATE / family)
    return Interval(float(np.median(sample)), float(found.low), float(found.high))


def bootstrap(
    samples: tuple[np.ndarray, ...],
    statistic: Callable[..., np.ndarray | float],
    seed: int,
    family: int = 1,
) -> Interval:
    """Percentile bootstrap of a statistic of paired samples, resampled along their first axis."""
    n = len(samples[0])
    rng = np.random.default_rng(seed)
    value = float(statistic(*samples))
    draws = rng.integers(0, n, (_RESAMPLES, n))
    found = [float(statistic(*(sample[rows] for sample in samples))) for rows in draws]
    low, high = np.quantile(found, [ERROR_RATE / family / 2, 1 - ERROR_RATE / family / 2])
    return Interval(value, float(low), float(high))


def points(label: str, x: Sequence[float] | np.ndarray, measured: Sequence[Interval]) -> Points:
    """Return values at x with their intervals, for a picture."""
    values, low, high = ([getattr(f, end) for f in measured] for end in ("value", "low", "high"))
    return Points(label, x, values, low, high)
