"""Methods against a reference, seed by seed: one interval and one verdict for each comparison."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from noise_exp.report.intervals import FEW, of_mean

ALPHA = 0.05
_FEWEST_FLIPS = 6  # seeds with which two-sided sign flips can reach 5%: 2 / 2^6 = 0.03
_ALL_FLIPS = 13  # seeds up to which all flips are gone through
_DRAWN_FLIPS = 9999


def eligible(wide: pd.DataFrame) -> list[str]:
    """Return the methods with a result on every seed on which any method has one.

    The others may owe a low mean to the seeds on which they have none.
    """
    known = wide.dropna(how="all")
    return [str(m) for m in known if len(known) and known[m].notna().all()]


def differences(wide: pd.DataFrame, method: str, reference: str) -> pd.Series:
    """Return method minus reference of the seeds that have both, by seed."""
    # Rounded, so that equal differences of rates are equal and not their last bits.
    return (wide[method] - wide[reference]).dropna().round(12)


def against(
    wide: pd.DataFrame, reference: str, margin: float, new_images: float = 0.0, chosen: bool = False
) -> pd.DataFrame:
    """Compare every method with a reference; `wide`: the outcome, (seeds, methods).

    Parameters
    ----------
    margin
        A difference smaller than this counts as none.
    new_images
        Test images over training images, where the seeds split them; see `of_mean`.
    chosen
        Whether these outcomes have chosen the reference, as the best: then intervals are corrected
        for all pairs of methods, any of which it might have been, and there are no sign flips.

    Returns
    -------
    One row per method: those of `compare`; new_low, new_high (the interval about new images, where
    the seeds split them); p_flips (see `flips`).
    """
    others = [str(m) for m in wide if m != reference]
    found = {method: differences(wide, method, reference) for method in others}
    comparisons = sum(len(difference) >= FEW for difference in found.values())
    if chosen:
        comparisons = comparisons * (comparisons + 1) // 2
    rows = []
    for method, difference in found.items():
        wider = of_mean(difference.to_numpy(float), comparisons, new_images)
        rows.append(
            {"method": method, "reference": reference}
            | compare(difference, comparisons, margin)
            | ({"new_low": wider.low, "new_high": wider.high} if new_images else {})
        )
    p_flips = math.nan if chosen else flips(pd.DataFrame(found))
    return pd.DataFrame(rows).assign(p_flips=p_flips)


def compare(difference: pd.Series, comparisons: int, margin: float) -> dict[str, Any]:
    """Say how a method differs from a reference, given its differences by seed.

    Returns pairs, lower, ties, higher (seeds on which the method's outcome is), difference (the
    mean), low, high, note (its 95% interval, which holds at once with those of all `comparisons`,
    or why there is none), median_difference, verdict, and, where one seed moves the mean by more
    than `margin`, the one that does most (moved_by) and how far (moved): the mean with it minus the
    mean without.
    """
    values = difference.to_numpy(float)
    interval = of_mean(values, comparisons)
    moves = (values - interval.value) / max(len(values) - 1, 1)
    most = int(np.abs(moves).argmax()) if len(values) > 1 else -1
    carried = most >= 0 and abs(moves[most]) > margin
    return {
        "pairs": len(values),
        "lower": int((values < 0).sum()),
        "ties": int((values == 0).sum()),
        "higher": int((values > 0).sum()),
        "difference": interval.value,
        "low": interval.low,
        "high": interval.high,
        "note": interval.note,
        "median_difference": float(np.median(values)) if len(values) else math.nan,
        "moved_by": str(difference.index[most]) if carried else "",
        "moved": float(moves[most]) if carried else math.nan,
        "verdict": _verdict(len(values), interval.low, interval.high, margin),
    }


def _verdict(pairs: int, low: float, high: float, margin: float) -> str:
    if pairs < FEW:
        return f"undecided ({pairs} of {FEW} seeds)"
    if -margin < low and high < margin:
        return f"equal within {margin:g}"
    return "lower" if high < 0 else "higher" if low > 0 else "undecided"


def flips(found: pd.DataFrame) -> np.ndarray:
    """Return each comparison's p by sign flips of whole seeds, corrected for their number.

    Westfall and Young, Resampling-based multiple testing, 1993, section 2.3: the share of flips in
    which the largest of all t statistics is at least the comparison's own. It takes differences for
    symmetric about 0 where there is none. All flips of up to 13 seeds, else 9,999 of them.

    Parameters
    ----------
    found
        Differences, shape (seeds, comparisons); nan where there is none.

    Returns
    -------
    p, shape (comparisons,); nan for comparisons on fewer than 6 seeds.
    """
    known = found.notna().to_numpy()
    enough = known.sum(axis=0) >= _FEWEST_FLIPS
    p = np.full(len(enough), math.nan)
    if not enough.any():
        return p
    values, n = np.where(known, found, 0.0)[:, enough], known.sum(axis=0)[enough]
    seeds = len(values)
    if seeds <= _ALL_FLIPS:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=seeds)))
    else:
        signs = np.random.default_rng(0).choice((1.0, -1.0), (_DRAWN_FLIPS + 1, seeds))
        signs[0] = 1.0
    parts = np.array_split(signs, 20)  # of a thousand comparisons all at once would be large
    largest = np.concatenate([_t(part @ values, values, n).max(axis=1) for part in parts])
    # Rounding must not tell a flip from the same with all signs turned.
    own = _t(values.sum(axis=0), values, n) * (1 - 1e-9)
    p[enough] = (largest[:, None] >= own).mean(axis=0)
    return p


def _t(sums: np.ndarray, values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the absolute t statistics of differences with these sums, and any signs."""
    means, squares = sums / n, np.sum(np.square(values), axis=0) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(means) / np.sqrt(np.maximum(squares - np.square(means), 0) / (n - 1))
    return np.where(means == 0, 0.0, t)


@dataclass(frozen=True)
class Ranking:
    """All methods at once, on the seeds that any of them has.

    Attributes
    ----------
    blocks
        How many seeds.
    ranks
        Mean rank of each method, 1 for the lowest outcome.
    p_friedman
        Friedman's test (1937) that all are alike; nan where `note` says why.
    p_pairs
        Nemenyi's test (1963) of all pairs, shape (methods, methods); None where there is no test.
    """

    blocks: int
    ranks: pd.Series
    p_friedman: float = math.nan
    p_pairs: pd.DataFrame | None = None
    note: str = ""


def rank(wide: pd.DataFrame) -> Ranking:
    """Rank the methods seed by seed, and test whether they differ at all and which do."""
    complete = wide[eligible(wide)].dropna()
    blocks, ranks = len(complete), complete.rank(axis="columns").mean()
    if len(complete.columns) < 3:
        return Ranking(blocks, ranks, note="Friedman's test needs three methods")
    if blocks < FEW:
        return Ranking(blocks, ranks, note=f"{blocks} seeds are too few for a test ({FEW})")
    if (complete.nunique(axis="columns") == 1).all():
        return Ranking(blocks, ranks, note="all methods tie on every seed")
    from scikit_posthocs import posthoc_nemenyi_friedman
    from scipy.stats import friedmanchisquare

    p = float(friedmanchisquare(*(complete[m] for m in complete)).pvalue)
    p_pairs = posthoc_nemenyi_friedman(complete.to_numpy(float))
    return Ranking(blocks, ranks, p, p_pairs.set_axis(ranks.index).set_axis(ranks.index, axis=1))
