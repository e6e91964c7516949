"""The report's other tables as people read them."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from noise_exp.report.build import Report
from noise_exp.report.methods import moved
from noise_exp.report.runs import rows_of
from noise_exp.writing import UNKNOWN, number, probability, spread, without_empty


def _shown(table: pd.DataFrame, cells: dict[str, Callable[[Any], str]]) -> pd.DataFrame:
    """Return a table for people: headings, and what makes a cell of a row."""
    return pd.DataFrame({head: [cell(r) for r in rows_of(table)] for head, cell in cells.items()})


def pairs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences for people."""
    return without_empty(
        _shown(
            table,
            {
                "method": lambda r: r.method,
                "pairs": lambda r: str(r.pairs),
                "lower / tie / higher": lambda r: f"{r.lower} / {r.ties} / {r.higher}",
                "mean difference": lambda r: number(r.difference),
                "simultaneous 95%": lambda r: spread(r.low, r.high),
                "the same for new images": lambda r: spread(
                    getattr(r, "new_low", math.nan), getattr(r, "new_high", math.nan)
                ),
                "median difference": lambda r: number(r.median_difference),
                "verdict": lambda r: r.verdict,
                "one seed moves it": lambda r: moved(r.moved_by, r.moved),
                "sign flips, p": lambda r: probability(r.p_flips),
            },
        )
    )


def shares_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return shares of variance for people."""
    return _shown(
        table,
        {
            "source": lambda r: r.effect,
            "degrees of freedom": lambda r: str(r.degrees_of_freedom),
            "share": lambda r: f"{r.share:.1%}",
            "95%": lambda r: spread(r.low, r.high, form="{:.0%}"),
        },
    )


def sources_table(report: Report) -> pd.DataFrame:
    """Return shares of variance of init, data and noise for people, a column per method."""
    columns = {}
    for method, table in report.sources.items():
        shares = [f"{r.share:.0%} ({spread(r.low, r.high, form='{:.0%}')})" for r in rows_of(table)]
        columns[method] = pd.Series(shares, index=table.effect)
    return pd.DataFrame(columns).rename_axis("source").fillna(UNKNOWN).reset_index()


def targets_table(report: Report) -> pd.DataFrame:
    """Return time and passes to the target for people."""

    def three(value: float) -> str:
        return number(value, "{:.3g}")

    def median(row: Any, key: str) -> str:
        value, low, high = (getattr(row, f"{key}_{part}") for part in ("median", "low", "high"))
        if not row.runs:
            return "not recorded"
        if not math.isfinite(value):
            return "median not reached" if row.reached else "none reaches it"
        if not math.isfinite(low):  # so many runs get there at once that there is no interval
            return three(value)
        end = three(high) if math.isfinite(high) else "beyond the runs"
        return f"{three(value)} ({three(low)} to {end})"

    return _shown(
        report.targets,
        {
            "method": lambda r: r.method,
            "reached": lambda r: f"{r.reached} of {r.runs}" if r.runs else UNKNOWN,
            "median seconds": lambda r: median(r, "train_seconds"),
            "restricted mean seconds": lambda r: three(r.train_seconds_restricted_mean),
            "median passes": lambda r: median(r, "forward_passes"),
            "restricted mean passes": lambda r: three(r.forward_passes_restricted_mean),
        },
    )
