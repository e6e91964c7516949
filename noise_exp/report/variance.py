"""How much of the outcome's variance each crossed factor holds."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

_DRAWS = 20_000


def shares(table: pd.DataFrame, factors: Sequence[str]) -> pd.DataFrame:
    """Split the variance of a complete crossed design among its factors and their interactions.

    All effects are random. The components of variance are the usual unbiased ones (from mean
    squares and their expectations; Searle, Casella and McCulloch, Variance Components, ch. 4),
    those below zero set to zero. The highest interaction holds whatever is left, as there is one
    run per cell.

    Parameters
    ----------
    table
        A row per cell: a column for each factor and `outcome`.
    factors
        Columns that are crossed, at least two.

    Returns
    -------
    One row per effect: effect, degrees_of_freedom, variance, share, low, high (95%).

    Raises
    ------
    ValueError
        If the design allows none, and why.
    """
    levels = _levels(table, factors)
    effects, mean_squares, freedom = _mean_squares(table, factors)
    counts = dict(zip(factors, levels, strict=True))
    matrix = np.array([_expectation(effect, effects, counts) for effect in effects])
    components = np.linalg.solve(matrix, mean_squares)
    low, high = _generalised(matrix, mean_squares, freedom)
    return pd.DataFrame(
        {
            "effect": [" x ".join(e) for e in effects],
            "degrees_of_freedom": freedom.astype(int),
            "variance": np.maximum(components, 0),
            "share": _normalised(components),
            "low": low,
            "high": high,
        }
    )


def _generalised(matrix: np.ndarray, mean_squares: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return generalised 95% intervals (Weerahandi, 1993), (2, effects); effects are normal."""
    chi_squares = np.random.default_rng(0).chisquare(freedom, (_DRAWS, len(freedom)))
    drawn = np.linalg.solve(matrix, (freedom * mean_squares / chi_squares).T).T
    return np.nanpercentile(_normalised(drawn), [2.5, 97.5], axis=0)


def _levels(table: pd.DataFrame, factors: Sequence[str]) -> list[int]:
    """Return how many levels each factor has, in a design that allows shares."""
    levels = [table[f].nunique() for f in factors]
    if len(factors) < 2 or min(levels) < 2:
        raise ValueError("a share needs two crossed sources with two seeds each")
    if len(table) != math.prod(levels) or table.duplicated(list(factors)).any():
        raise ValueError(
            f"the design is not complete: {len(table)} of {math.prod(levels)} cells have a result"
        )
    if table.outcome.nunique() == 1:
        raise ValueError("all runs have the same outcome: there is no variance to share")
    return levels


def _mean_squares(
    table: pd.DataFrame, factors: Sequence[str]
) -> tuple[list[tuple[str, ...]], np.ndarray, np.ndarray]:
    """Return effects (the highest interaction last), their mean squares and degrees of freedom."""
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    effects = [e for n in range(1, len(factors) + 1) for e in itertools.combinations(factors, n)]
    terms = {":".join(f"C({f})" for f in e): e for e in effects[:-1]}
    scale = table.outcome.std()
    # Centred and scaled, so that a factor without effect has a sum of squares of zero but for
    # rounding, whatever the outcome's unit.
    scaled = table.assign(scaled=(table.outcome - table.outcome.mean()) / scale)
    anova = anova_lm(ols(f"scaled ~ {' + '.join(terms)}", scaled).fit())
    rows = anova.loc[[*terms, "Residual"]]
    squares = rows.sum_sq.where(rows.sum_sq > 1e-12, 0.0).to_numpy() * scale**2
    return effects, squares / rows.df.to_numpy(), rows.df.to_numpy(float)


def _expectation(
    effect: tuple[str, ...], effects: Sequence[tuple[str, ...]], levels: dict[str, int]
) -> list[float]:
    """Return the weight of every component in the expected mean square of an effect."""
    return [
        math.prod(n for factor, n in levels.items() if factor not in other)
        if set(effect) <= set(other)
        else 0.0
        for other in effects
    ]


def _normalised(components: np.ndarray) -> np.ndarray:
    positive = np.maximum(components, 0)
    with np.errstate(invalid="ignore"):
        return positive / positive.sum(axis=-1, keepdims=True)
