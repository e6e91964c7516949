"""Intervals of what is measured.

The checks of one claim share an error rate of 1%: each of `family` intervals has the confidence
1 - 0.01 / family (Bonferroni), so that a true claim fails by chance once in a hundred seeds.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from noise_exp.report.intervals import Interval, student, wilson
from studies.theory.figures import Points

ERROR_RATE = 0.01
_RESAMPLES = 2000


def exact(value: float, rounding: float) -> Interval:
    """Return a value that only rounding makes uncertain."""
    return Interval(value, value - rounding, value + rounding, "exact")


def mean(sample: np.ndarray, family: int = 1) -> Interval:
    """Student's t interval of a mean; sample: (n,), independent."""
    return student(sample, 1 - ERROR_RATE / family)


def share(hits: int, n: int, family: int = 1) -> Interval:
    """Wilson's interval of a share."""
    return wilson(hits, n, 1 - ERROR_RATE / family)


def median(sample: np.ndarray, family: int = 1) -> Interval:
    """Interval of a median from the order statistics; sample: (n,)."""
    ends = stats.quantile_test(sample, p=0.5).confidence_interval(1 - ERROR_RATE / family)
    return Interval(float(np.median(sample)), float(ends.low), float(ends.high))


def bootstrap(
    samples: tuple[np.ndarray, ...],
    statistic: Callable[..., np.ndarray | float],
    seed: int,
    family: int = 1,
) -> Interval:
    """Percentile bootstrap of a statistic of paired samples, resampled along their first axis.

    Unlike report's it takes statistics of several arrays at once, of any shape.
    """
    n = len(samples[0])
    rng = np.random.default_rng(seed)
    value = float(statistic(*samples))
    draws = rng.integers(0, n, (_RESAMPLES, n))
    resampled = [float(statistic(*(sample[rows] for sample in samples))) for rows in draws]
    low, high = np.quantile(resampled, [ERROR_RATE / family / 2, 1 - ERROR_RATE / family / 2])
    return Interval(value, float(low), float(high))


def points(label: str, x: Sequence[float] | np.ndarray, measured: Sequence[Interval]) -> Points:
    """Return values at x with their intervals, for a picture."""
    values, low, high = (
        [getattr(interval, end) for interval in measured] for end in ("value", "low", "high")
    )
    return Points(label, x, values, low, high)
