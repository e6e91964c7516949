"""Methods against each other, seed by seed."""

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from noise_exp.report.intervals import FEW, bootstrap
from noise_exp.report.runs import rows_of

ALPHA = 0.05
_NEARLY = 0.9
_EXACT = 13  # pairs up to which the test goes through all signs
_FEWEST = 6  # pairs with which a two-sided signed-rank test can reach 5%: 2 / 2^6 = 0.03


def eligible(wide: pd.DataFrame) -> list[str]:
    """Return the methods with results on nearly all blocks on which any method has them.

    The others may owe a low median to the blocks on which they have none.
    """
    known = {str(m): int(wide[m].notna().sum()) for m in wide}
    most = max(known.values(), default=0)
    return [m for m, n in known.items() if n and n >= _NEARLY * most]


def differences(wide: pd.DataFrame, method: str, reference: str) -> np.ndarray:
    """Return method minus reference of the blocks that have both, (pairs,)."""
    # Rounded, so that equal differences of rates are ties and not their last bits.
    return (wide[method] - wide[reference]).dropna().to_numpy(float).round(12)


def compare(wide: pd.DataFrame, method: str, reference: str) -> dict[str, Any]:
    """Return how a method's outcomes differ from a reference's on the blocks that both have.

    pairs, lower, ties, higher (pairs in which the method's outcome is), signed_ranks (the sum that
    the signed-rank test is about), difference (mean, method minus reference), low, high, note (95%
    BCa bootstrap interval).
    """
    difference = differences(wide, method, reference)
    interval = bootstrap(difference)
    return {
        "method": method,
        "reference": reference,
        "pairs": len(difference),
        "lower": int((difference < 0).sum()),
        "ties": int((difference == 0).sum()),
        "higher": int((difference > 0).sum()),
        "signed_ranks": _signed_ranks(difference),
        "difference": difference.mean() if len(difference) else math.nan,
        "low": interval.low,
        "high": interval.high,
        "note": interval.note,
    }


def against(wide: pd.DataFrame, reference: str, margin: float) -> pd.DataFrame:
    """Compare every method with a reference.

    Columns: those of `compare`; p (Wilcoxon's signed-rank test, Holm-corrected over the rows),
    p_equivalence (two one-sided t tests against +-`margin`, Schuirmann 1987; the larger of the
    two), verdict.
    """
    methods = list(wide.columns.drop(reference))
    table = pd.DataFrame([compare(wide, method, reference) for method in methods])
    found = [differences(wide, method, reference) for method in methods]
    table["p"] = _holm(np.array([_signed_rank(difference) for difference in found]))
    table["p_equivalence"] = [_equivalence(difference, margin) for difference in found]
    tests = int(table.p.notna().sum())
    table["verdict"] = [_verdict(row, margin, tests) for row in rows_of(table)]
    return table


def _signed_ranks(difference: np.ndarray) -> float:
    """Return the sum of ranks of the distances, each with its difference's sign; ties left out."""
    from scipy.stats import rankdata

    told = difference[difference != 0]
    return float(np.sum(np.sign(told) * rankdata(np.abs(told)))) if len(told) else 0.0


def _signed_rank(difference: np.ndarray) -> float:
    """Return the p of Wilcoxon's signed-rank test, pairs that tie left out; exact for few."""
    if len(difference) < _FEWEST:
        return math.nan
    told = difference[difference != 0]
    if len(told) < 2:  # either sign is as likely
        return 1.0
    from scipy.stats import PermutationMethod, wilcoxon

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ties, which the report counts
        if len(told) <= _EXACT:  # all signs are gone through: ties do no harm
            method = PermutationMethod(n_resamples=2**_EXACT)
            return float(wilcoxon(told, method=method).pvalue)
        return float(wilcoxon(told).pvalue)


def _least(pairs: int, tests: int) -> float:
    """Return the lowest p that so many pairs can reach after Holm's correction."""
    return tests * 2.0 ** (1 - pairs)


def _equivalence(difference: np.ndarray, margin: float) -> float:
    if len(difference) < FEW:
        return math.nan
    if np.all(difference == difference[0]):  # no spread: the t test divides by zero
        return 0.0 if abs(difference[0]) < margin else 1.0
    from statsmodels.stats.weightstats import ttost_paired

    return float(ttost_paired(difference, np.zeros_like(difference), -margin, margin)[0])


def _holm(p: np.ndarray) -> np.ndarray:
    """Correct those that are numbers for their number (Holm, 1979)."""
    corrected = p.copy()
    known = np.isfinite(p)
    if known.any():
        from statsmodels.stats.multitest import multipletests

        corrected[known] = multipletests(p[known], method="holm")[1]
    return corrected


def _verdict(row: Any, margin: float, tests: int) -> str:
    pairs = row.pairs
    if not pairs:
        return "no pair with finite results"
    if row.ties == pairs >= _FEWEST:
        return f"identical in all {pairs} pairs"
    if pairs < _FEWEST:
        return f"cannot be said from {pairs} of the {_FEWEST} pairs that a test needs"
    equivalent = row.p_equivalence < ALPHA
    if row.p < ALPHA:
        word = "lower" if row.signed_ranks < 0 else "higher"
        if (row.high < 0) if word == "higher" else (row.low > 0):
            return f"{word} by ranks, not on average"
        return f"{word}, by less than {margin:g}" if equivalent else word
    if equivalent:
        return f"equivalent within {margin:g}"
    if _least(pairs - row.ties, tests) > ALPHA:
        return f"{pairs} pairs, {row.ties} of them ties, cannot tell among {tests} comparisons"
    return "undecided"


@dataclass(frozen=True)
class Ranking:
    """All methods at once, on the blocks that hold every one of them.

    Attributes
    ----------
    blocks, dropped
        Complete blocks; blocks left out because a method is missing there.
    ranks
        Mean rank of each method, 1 for the lowest outcome.
    p_friedman
        Friedman's test (1937) that all are alike; nan where `note` says why.
    p_pairs
        Holm-corrected signed-rank tests of all pairs, shape (methods, methods); None where there
        are too few blocks.
    """

    blocks: int
    dropped: int
    ranks: pd.Series
    p_friedman: float = math.nan
    p_pairs: pd.DataFrame | None = None
    note: str = ""


def rank(wide: pd.DataFrame) -> Ranking:
    """Rank the methods block by block, and test whether they differ at all and which do."""
    usable = wide[eligible(wide)]
    complete = usable.dropna()
    blocks, pairs = len(complete), list(itertools.combinations(complete.columns, 2))
    p, p_pairs, note = math.nan, None, ""
    if len(usable.columns) < 3:
        note = "Friedman's test needs three methods"
    elif blocks < FEW:
        note = f"{blocks} complete blocks are too few for a test (it needs {FEW})"
    elif (complete.nunique(axis="columns") == 1).all():
        note = "all methods tie in every block"
    else:
        from scipy.stats import friedmanchisquare

        p = float(friedmanchisquare(*(complete[m] for m in complete)).pvalue)
        if blocks < _FEWEST:
            note = f"pairs cannot be told apart with {blocks} complete blocks"
        elif _least(blocks, len(pairs)) > ALPHA:
            note = f"{blocks} complete blocks cannot tell any of {len(pairs)} pairs apart"
        else:
            p_pairs = pd.DataFrame(1.0, index=complete.columns, columns=complete.columns)
            found = _holm(np.array([_signed_rank(differences(complete, *two)) for two in pairs]))
            for (a, b), value in zip(pairs, found, strict=True):
                p_pairs.loc[a, b] = p_pairs.loc[b, a] = value
    ranks = complete.rank(axis="columns").mean()
    return Ranking(blocks, len(usable) - blocks, ranks, p, p_pairs, note)
