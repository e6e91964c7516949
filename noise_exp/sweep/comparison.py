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
from noise_exp.report.words import findings
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
    methods, title = report.methods, "Comparison of the methods"
    if len(methods) > _MANY:
        title += f": the {_MANY} best of {len(methods):,}"
        methods = methods.sort_values(["median", "final_cost"]).head(_MANY)
    return Summary(
        title,
        methods_table(report, TERMINAL, methods),
        _headline(report),
        {**files(report, name, command, run_id), **article_figures(report)},
        findings=lambda: [*findings(report), *report.unsaid],
        **_totals(report),
    )


def _totals(report: Report) -> dict[str, Any]:
    """Return what sweeps are compared by: tags and metrics of the best method and the median."""
    if not report.best:
        return {}
    rates = {
        "best": report.summary.set_index("method")["median"][report.best],
        "median": report.runs.table.outcome.median(),
    }
    run = report.runs.table.sort_values(["outcome", "final_cost"], kind="stable").iloc[0]
    run_id = run.run_id if isinstance(run.run_id, str) else ""  # a store that was away gave none
    return {
        "tags": {"best": report.best, "best_run_id": run_id},
        "metrics": {f"{which}_{report.runs.outcome}": float(r) for which, r in rates.items()},
    }


def _headline(report: Report) -> str:
    """Say in a few words which method came out best."""
    if len(report.runs.data_sets) > 1:
        return none_best(report.runs.data_sets, "errors")
    if not report.best:
        return "none of which finished"
    methods = report.methods
    (best,) = methods[methods.method == report.best].itertuples()
    part = report.runs.part
    wrong, size = (getattr(best, f"{part}_{what}") for what in ("errors", "size"))
    text = (
        f"best: {best.method} with {wrong:g} of {size:g} {part} images wrong "
        f"at cost {best.final_cost:.4f}"
    )
    tied = int((methods[f"{part}_errors"] == wrong).sum()) - 1
    return f"{text}; {tied:,} more have as few wrong" if tied else text


def none_best(data_sets: Sequence[str], what: str) -> str:
    """Say that there is no best, where runs are on more than one data set."""
    return f"on {' and '.join(data_sets)}, between which {what} do not compare: none is best"


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
