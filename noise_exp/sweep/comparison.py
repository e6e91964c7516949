"""What every sweep ends with, whatever it swept: the report's table of methods, and figures."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from noise_exp.figures import Figure
from noise_exp.figures import comparison as figures
from noise_exp.report.build import Report, build
from noise_exp.report.methods import TERMINAL, methods_table
from noise_exp.report.page import Files, files, methods_drawn
from noise_exp.report.words import best_of, headlines
from noise_exp.runs.record import Record


@dataclass(frozen=True)
class Summary:
    """What the end of a sweep shows, and keeps on its parent run.

    Attributes
    ----------
    title, table
        What the terminal and the parent's note show, as text.
    headline
        What came out best, in a few words.
    files
        What makes them.
    advice
        What to do with it.
    findings
        Returns sentences for the terminal.
    tags, metrics
        Of the parent run.
    series
        Metrics with a value per job, by the jobs' numbers; None where there is none.
    """

    title: str
    table: pd.DataFrame
    headline: str
    files: Files
    advice: str = ""
    findings: Callable[[], Sequence[str]] = tuple
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


_MANY = 40  # methods that a terminal, or a note, still shows

NONE = Summary("", pd.DataFrame(), "which could not be compared", {})


def compared(
    records: Sequence[Record], name: str = "", command: str = "", run_id: str | None = None
) -> Summary:
    """Say how the methods of a sweep compare: its name, its command, and its id in MLflow."""
    report = build(records)
    rows, title = report.summary, "Comparison of the methods"
    if len(report.methods) > _MANY:
        title += f": the {_MANY} best of {len(report.methods):,}"
        best = report.methods.head(_MANY).index
        rows = rows[rows.baseline | rows.index.isin(best)]
    return Summary(
        title,
        methods_table(report, TERMINAL, rows),
        best_of(report) if report.runs.table.outcome.notna().any() else "none of which finished",
        {**files(report, name, command, run_id), **article_figures(report)},
        findings=lambda: [*headlines(report), *report.unsaid],
        **_totals(report),
    )


def _totals(report: Report) -> dict[str, Any]:
    """Return what sweeps are compared by: tags and metrics of the best method and the median."""
    best = report.best_run
    if not best:
        return {}
    rates = {
        "best": report.runs.wide[report.best].mean(),
        "median": report.runs.table.outcome.median(),
    }
    return {  # a store that was away gave no id
        "tags": {"best": report.best, "best_run_id": best.run_id or ""},
        "metrics": {f"{which}_{report.runs.outcome}": float(r) for which, r in rates.items()},
    }


def article_figures(report: Report) -> Files:
    """Return what makes the article's three figures; none where every job failed."""
    drawn = methods_drawn(report.runs.records)
    draws = (figures.cost_per_training, figures.training_time, figures.misclassification)
    return {f"{draw.__name__}.png": partial(png, draw, drawn) for draw in draws} if drawn else {}


def png(draw: Callable[..., Figure], *arguments: Any) -> bytes:
    """Return a figure as a file."""
    content = io.BytesIO()
    draw(*arguments).savefig(content, format="png", dpi=120)
    return content.getvalue()
