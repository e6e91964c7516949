"""Numbers with the doubt that belongs to them, or with the reason why there is none."""

import math
from dataclasses import dataclass

import numpy as np

FEW = 5  # seeds below which an interval would be a guess


@dataclass(frozen=True)
class Interval:
    """A measured value and its interval; without one, `note` says why (it may also qualify one)."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""


def of_mean(values: np.ndarray, comparisons: int = 1, more: float = 0.0) -> Interval:
    """Return the 95% interval of the mean over seeds, finite values, shape (seeds,).

    Student's t; there is none of fewer than `FEW` seeds.

    Parameters
    ----------
    comparisons
        How many intervals are to hold all at once (Bonferroni's correction).
    more
        Test images over training images, for an interval that is about new images too (Nadeau and
        Bengio, Inference for the generalization error, 2003, section 3: the corrected resampled t).
    """
    n = len(values)
    if not n:
        return Interval(note="no finite result")
    mean = float(np.mean(values))
    if n < FEW:
        return Interval(mean, note=f"too few seeds ({n})")
    if np.all(values == values[0]):
        return Interval(mean, mean, mean)
    return student(values, 1 - 0.05 / comparisons, 1 + n * more)


def student(values: np.ndarray, confidence: float = 0.95, variance: float = 1.0) -> Interval:
    """Return Student's t interval of a mean; values: (n,), two or more, independent.

    `variance`: a factor of the mean's variance.
    """
    from scipy import stats

    centre, n = float(np.mean(values)), len(values)
    error = float(stats.sem(values)) * math.sqrt(variance)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Interval(centre, centre - reach, centre + reach)


def wilson(count: int, total: int, confidence: float = 0.95) -> Interval:
    """Return Wilson's interval (1927) of a proportion."""
    if not total:
        return Interval(note="no finite result")
    from scipy.stats import binomtest

    ends = binomtest(count, total).proportion_ci(confidence, "wilson")
    return Interval(count / total, float(ends.low), float(ends.high))
