"""The report as one HTML page that needs nothing else."""

from collections.abc import Callable

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from noise_exp import __version__
from noise_exp.figures import comparison
from noise_exp.figures import report as pictures
from noise_exp.figures.style import Figure
from noise_exp.report import tables, targets, words
from noise_exp.report.build import Report
from noise_exp.report.drawn import methods_drawn
from noise_exp.report.methods import ONE, SEVERAL, methods_table
from noise_exp.report.runs import rows_of

_MOST_METHODS = 40  # of which a figure or a table of pairs can still be read
_MOST_SHARES = 6


def render(report: Report, title: str, command: str, sweep: str | None = None) -> str:
    """Return the page.

    `command` is what the runs came from, or what asked for the report; `sweep` the id in MLflow of
    the sweep that they are of, if they are of one.
    """
    from noise_exp.figures import interactive

    drawn = methods_drawn(report.runs.records)
    environment = Environment(
        loader=PackageLoader("noise_exp.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["inline"] = pictures.inline
    environment.policies["json.dumps_kwargs"] = {"default": lambda numbers: numbers.tolist()}
    costs = any(np.isfinite(method.costs).any() for method in drawn)
    return environment.get_template("page.html.j2").render(
        DRAW,
        report=report,
        title=title,
        command=command,
        sweep=sweep,
        version=__version__,
        most=_MOST_METHODS,
        design=words.design(report),
        findings=words.findings(report),
        with_seeds=words.with_seeds(command),
        methods=methods_table(report, ONE if report.one_seed else SEVERAL),
        pairs_table=tables.pairs_table,
        shares_table=tables.shares_table,
        targets_table=tables.targets_table,
        drawn=drawn,
        curves=interactive.costs(drawn) if costs else None,
        misclassification=comparison.misclassification,
        training_time=comparison.training_time,
        ecdf=pictures.ecdf,
        reached=_reached,
    )


def _dots(report: Report) -> Figure:
    """Return every run as a dot, with the levels of what needs no training."""
    baselines = rows_of(report.summary[report.summary.baseline])
    levels = {f"median of {row.method.strip('()')}": row.median for row in baselines}
    return pictures.dots(report.runs.wide, report.summary, report.runs.outcome, levels)


def _ranks(report: Report) -> Figure | None:
    """Return the critical difference diagram; None without tests, or with too many to read."""
    ranks, p_pairs = report.ranking.ranks, report.ranking.p_pairs
    if p_pairs is None or len(ranks) > _MOST_METHODS:
        return None
    return pictures.critical_difference(ranks, p_pairs)


def _shares(report: Report) -> Figure | None:
    """Return shares of variance by source; None where there are none, or too many to read."""
    most = max(map(len, report.sources.values()), default=0)
    full = {m: t for m, t in report.sources.items() if len(t) == most}
    return pictures.shares(full) if 0 < len(full) <= _MOST_SHARES else None


def _reached(report: Report) -> Figure | None:
    """Return the shares of runs at the target, of methods that get there at all."""
    curves = [
        (method, at, there)
        for method in report.runs.methods
        for at, there in [targets.times(report.runs, method, report.choices.target)]
        if there.any()
    ]
    if 0 < len(curves) <= _MOST_METHODS:
        return pictures.reached(curves, "forward passes")
    return None


DRAW: dict[str, Callable[[Report], Figure | None]] = {
    "dots": _dots,
    "ranks": _ranks,
    "shares": _shares,
}
