"""The report's other tables as people read them, and all of them for a Markdown page."""

import math
from typing import Any

import pandas as pd

from noise_exp.report.build import Report
from noise_exp.report.methods import SEVERAL, methods_table
from noise_exp.report.runs import rows_of
from noise_exp.report.words import findings
from noise_exp.writing.numbers import number, probability, spread
from noise_exp.writing.tables import markdown_of


def pairs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences for people."""
    return pd.DataFrame(
        {
            "method": table.method,
            "pairs": table.pairs.map(str),
            "lower / tie / higher": [f"{r.lower} / {r.ties} / {r.higher}" for r in rows_of(table)],
            "mean difference": table.difference.map(number),
            "95% BCa": [spread(r.low, r.high, r.note) for r in rows_of(table)],
            "Wilcoxon, Holm": table.p.map(probability),
            "equivalence": table.p_equivalence.map(probability),
            "verdict": table.verdict,
        }
    )


def shares_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return shares of variance for people."""
    return pd.DataFrame(
        {
            "source": table.effect,
            "degrees of freedom": table.degrees_of_freedom.map(str),
            "share": table.share.map("{:.1%}".format),
            "95%": [spread(r.low, r.high, form="{:.0%}") for r in rows_of(table)],
        }
    )


def sources_table(report: Report) -> pd.DataFrame:
    """Return shares of variance of init, data and noise for people, a column per method."""
    columns = {}
    for method, table in report.sources.items():
        shares = [f"{r.share:.0%} ({spread(r.low, r.high, form='{:.0%}')})" for r in rows_of(table)]
        columns[method] = pd.Series(shares, index=table.effect)
    return pd.DataFrame(columns).rename_axis("source").fillna("–").reset_index()


def targets_table(report: Report) -> pd.DataFrame:
    """Return time and passes to the target for people."""

    def median(row: Any, key: str) -> str:
        value, low, high = (getattr(row, f"{key}_{part}") for part in ("median", "low", "high"))
        if math.isfinite(value):
            text = number(value, "{:.3g}")
            if not math.isfinite(low):  # so many runs get there at once that there is no interval
                return text
            end = number(high, "{:.3g}") if math.isfinite(high) else "beyond the runs"
            return f"{text} ({number(low, '{:.3g}')} to {end})"
        if not row.runs:
            return "not recorded"
        return "median not reached" if row.reached else "none reaches it"

    rows = report.targets
    return pd.DataFrame(
        {
            "method": rows.method,
            "reached": [f"{r.reached} of {r.runs}" if r.runs else "–" for r in rows_of(rows)],
            "median seconds": [median(r, "train_seconds") for r in rows_of(rows)],
            "restricted mean seconds": [
                number(v, "{:.3g}") for v in rows.train_seconds_restricted_mean
            ],
            "median passes": [median(r, "forward_passes") for r in rows_of(rows)],
            "restricted mean passes": [
                number(v, "{:.3g}") for v in rows.forward_passes_restricted_mean
            ],
        }
    )


def markdown(report: Report) -> dict[str, str]:
    """Return the parts that a Markdown page may hold, by the names of their places in it."""
    parts = {
        "findings": "\n".join(f"- {said}" for said in (*findings(report), *report.unsaid)),
        "methods": markdown_of(methods_table(report, SEVERAL)),
        "targets": markdown_of(targets_table(report)),
    }
    for name, table in (("to_backprop", report.to_backprop), ("to_best", report.to_best)):
        if table is not None:
            parts[name] = markdown_of(pairs_table(table))
    if report.sources:
        parts["sources"] = markdown_of(sources_table(report))
    for name, shares in report.luck.items():
        parts[f"variance {name}"] = markdown_of(shares_table(shares))
    return parts
