"""How much of the outcome's variance each crossed factor holds: whose luck it is."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from noise_exp.report.intervals import FEW
from noise_exp.report.runs import Runs

_DRAWS = 20_000


def of_methods(wide: pd.DataFrame) -> pd.DataFrame | None:
    """Share out the variance between methods and seeds; None where there is none, or too little.

    `wide`: the outcome, shape (seeds, methods); seeds without every outcome are left out.
    """
    complete = wide.dropna()
    if len(complete) < FEW or len(complete.columns) < 2:
        return None
    long = complete.rename_axis(index="seed").melt(
        var_name="method", value_name="outcome", ignore_index=False
    )
    try:
        return shares(long.reset_index(), ("method", "seed"))
    except ValueError:  # all alike: the pairs say so
        return None


def of_sources(runs: Runs) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Share out each method's variance among init, data and noise; or say why that cannot be."""
    found: dict[str, pd.DataFrame] = {}
    why: dict[str, list[str]] = {}
    for method in runs.methods:
        rows, varied = runs.sources_of(method)
        try:
            if len(varied) > 1 and (rows[varied].nunique(axis="columns") == 1).all():
                raise ValueError(
                    f"one seed drives {' and '.join(varied)} together; experiment=variance "
                    "crosses them"
                )
            if len(varied) == 1:
                raise ValueError(f"the seed drives {varied[0]} alone")
            found[method] = shares(rows.dropna(subset=["outcome"]), varied)
        except ValueError as error:
            why.setdefault(str(error), []).append(method)
    return found, [
        f"What init, data and noise contribute to "
        f"{'any method' if methods == runs.methods else ', '.join(methods)}: {reason}."
        for reason, methods in why.items()
    ]


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
    effects = [e for n in range(1, len(factors) + 1) for e in itertools.combinations(factors, n)]
    freedom = np.array([math.prod(levels[f] - 1 for f in e) for e in effects])
    mean_squares = _squares(table, levels, effects) / freedom
    matrix = np.array([_expectation(effect, effects, levels) for effect in effects])
    components = np.linalg.solve(matrix, mean_squares)
    low, high = _generalised(matrix, mean_squares, freedom)
    return pd.DataFrame(
        {
            "effect": [" x ".join(e) for e in effects],
            "degrees_of_freedom": freedom,
            "variance": np.maximum(components, 0),
            "share": _normalised(components),
            "low": low,
            "high": high,
        }
    )


def _levels(table: pd.DataFrame, factors: Sequence[str]) -> dict[str, int]:
    """Return how many levels each factor has, in a design that allows shares."""
    levels = {f: table[f].nunique() for f in factors}
    cells = math.prod(levels.values())
    if len(levels) < 2 or min(levels.values()) < 2:
        raise ValueError("a share needs two crossed sources with two seeds each")
    if len(table) != cells or table.duplicated(list(factors)).any():
        raise ValueError(f"the design is not complete: {len(table)} of {cells} cells have a result")
    if table.outcome.nunique() == 1:
        raise ValueError("all runs have the same outcome: there is no variance to share")
    return levels


def _squares(
    table: pd.DataFrame, levels: Mapping[str, int], effects: Sequence[tuple[str, ...]]
) -> np.ndarray:
    """Return each effect's sum of squares: of what its marginal means add to those it contains."""
    y = table.sort_values(list(levels)).outcome.to_numpy(float).reshape(tuple(levels.values()))
    y = y - y.mean()
    found: dict[tuple[str, ...], np.ndarray] = {}
    for effect in effects:
        others = tuple(i for i, factor in enumerate(levels) if factor not in effect)
        within = sum(part for e, part in found.items() if set(e) < set(effect))
        found[effect] = y.mean(axis=others, keepdims=True) - within
    squares = np.array([y.size * np.mean(np.square(part)) for part in found.values()])
    # Without effect a factor has a sum of zero but for rounding, whatever the outcome's unit.
    return np.where(squares > 1e-12 * np.var(y, ddof=1), squares, 0.0)


def _generalised(matrix: np.ndarray, mean_squares: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return generalised 95% intervals (Weerahandi, 1993), (2, effects); effects are normal."""
    chi_squares = np.random.default_rng(0).chisquare(freedom, (_DRAWS, len(freedom)))
    drawn = np.linalg.solve(matrix, (freedom * mean_squares / chi_squares).T).T
    return np.nanpercentile(_normalised(drawn), [2.5, 97.5], axis=0)


def _expectation(
    effect: tuple[str, ...], effects: Sequence[tuple[str, ...]], levels: Mapping[str, int]
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
