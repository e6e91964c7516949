"""The report's tables as people read them."""

import math
from typing import Any

import pandas as pd

from noise_exp.report.build import Report
from noise_exp.report.runs import rows_of
from noise_exp.report.words import count, findings, number, probability, spread
from noise_exp.writing.tables import markdown_of


def methods_table(report: Report) -> pd.DataFrame:
    """Return the summary for people."""
    rows = []
    for row in rows_of(report.summary):
        line = {
            "": row.letter,
            "method": row.method,
            "seeds": f"{row.seeds}",
            "median": number(row.median),
            "interquartile mean": number(row.iqm),
            "95% BCa": spread(row.iqm_low, row.iqm_high, row.note),
            "best": number(row.best),
            "worst": number(row.worst),
            "worst seed": row.worst_block,
            "wrong": f"{row.errors} of {row.images}",
            "Wilson": spread(row.wilson_low, row.wilson_high, form="{:.1%}"),
            "beats constant": count(
                row.constant_low, row.constant_high, row.beats_constant, row.constant_seeds
            ),
            "beats ink": count(row.ink_low, row.ink_high, row.beats_ink, row.ink_seeds),
        }
        if report.choices.at_most is not None:
            line[f"at most {report.choices.at_most} wrong"] = count(
                row.few_low, row.few_high, row.few, row.seeds
            )
        for column in ("missing", "failed", "diverged"):
            if report.summary[column].any():
                line[column] = f"{getattr(row, column)}"
        rows.append(line)
    return pd.DataFrame(rows)


def one_seed_table(report: Report) -> pd.DataFrame:
    """Return for people what is known of methods with one run each."""
    costs = [r.final("cost") for r in report.runs.records]
    # Another run of a method may have failed.
    known = (
        report.runs.table.assign(cost=costs).groupby("method")[["cost", "train_seconds"]].first()
    )
    passes = report.targets.set_index("method").forward_passes_median
    rows = []
    for row in rows_of(report.summary):
        trained = not row.baseline
        line = {
            "": row.letter,
            "method": row.method,
            "wrong": f"{row.errors} of {row.images}",
            "Wilson": spread(row.wilson_low, row.wilson_high, form="{:.1%}"),
            report.runs.outcome: number(row.median),
            "final cost": number(known.cost[row.method]) if trained else "",
            "seconds": number(known.train_seconds[row.method], "{:.2f}") if trained else "",
        }
        if passes.notna().any():
            line[f"passes to {report.choices.target}"] = number(passes.get(row.method, math.nan))
        for column in ("failed", "diverged"):
            if report.summary[column].any():
                line[column] = f"{getattr(row, column)}"
        rows.append(line)
    return pd.DataFrame(rows)


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
        "methods": markdown_of(methods_table(report)),
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
