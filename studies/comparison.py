"""What tables say of test errors: means with their intervals, differences and their verdicts."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from noise_exp.report.intervals import student
from noise_exp.report.pairs import compare, differences

MARGIN = 0.25  # points of the error rate; "equal" if the whole interval lies within


def by_seed(frame: pd.DataFrame, method: str) -> pd.DataFrame:
    """Return the errors in percent, one row per seed and one column per method of that column.

    A method without seeds, whose result no chance decides, has the same on all of them.
    """
    errors = frame.assign(error=percent(frame))
    wide = errors.pivot_table("error", "seed", method, sort=False)
    if "" in wide.index:
        fixed = wide.loc[""].dropna()
        wide = wide.drop("").reindex(columns=wide.columns).fillna(fixed)
    return wide


def percent(frame: pd.DataFrame) -> pd.Series:
    """Return the share of the images that are wrong, 0 to 100."""
    return 100 * frame.errors / frame.images


def interval(values: Sequence[float], comparisons: int = 1) -> tuple[float, float]:
    """Mean, and how far its 95% interval reaches (Student's t); not a number for one value.

    Of several `comparisons` all intervals hold at once (Bonferroni).
    """
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    ends = student(np.asarray(values, float), 1 - 0.05 / comparisons)
    return ends.value, ends.high - ends.value


def mean(values: Sequence[float], form: str = ".1f") -> str:
    """Write a mean and how far its interval reaches; a dash where there is no value."""
    return _written(*interval(values), form) if len(values) else "-"


def against(wide: pd.DataFrame, references: Sequence[str]) -> pd.DataFrame:
    """Compare every method with each reference, by seed; `wide`: (seeds, methods), in percent.

    Returns one row per method and one column per reference: the mean difference in points, its
    interval, which holds at once with all others of the table, and the report's verdict.
    """
    found = {
        (method, reference): differences(wide, method, reference)
        for reference in references
        if reference in wide
        for method in map(str, wide)
        if method != reference
    }
    comparisons = len({frozenset(pair) for pair, difference in found.items() if len(difference)})
    table = pd.DataFrame("", wide.columns, list(references))
    for (method, reference), difference in found.items():
        table.loc[method, reference] = difference_of(difference, comparisons)
    return table


def table(
    runs: pd.DataFrame, column: str, order: Sequence[str], references: Sequence[str], form: str
) -> pd.DataFrame:
    """Return one row per method of a column, those in `order` first: errors, and against others.

    Columns: method, seeds, the mean error in percent and, by reference, what `against` says.
    """
    compared = against(by_seed(runs, column), references)
    methods = [m for m in dict.fromkeys([*order, *runs[column]]) if (runs[column] == m).any()]
    rows = []
    for method in methods:
        own = runs[runs[column] == method]
        rows.append(
            {
                "method": method,
                "seeds": str((own.seed != "").sum() or "-"),
                "test error, %": mean(list(percent(own)), form),
                **{f"minus {name}, points": compared.loc[method, name] for name in references},
            }
        )
    return pd.DataFrame(rows)


def difference_of(difference: pd.Series, comparisons: int) -> str:
    """Write a mean difference in points, its simultaneous interval, and the report's verdict."""
    if not len(difference):
        return "-"
    verdict = compare(difference, comparisons, MARGIN)["verdict"]
    return f"{_written(*interval(list(difference), comparisons), '+.2f')}: {verdict}"


def _written(mean: float, reach: float, form: str) -> str:
    return f"{mean:{form}}" + ("" if math.isnan(reach) else f" ± {reach:{form.lstrip('+')}}")
