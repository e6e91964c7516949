"""The report as files: one HTML page that needs nothing else, and the one set of tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from noise_exp import __version__
from noise_exp.figures import Figure, comparison
from noise_exp.figures import report as pictures
from noise_exp.figures.comparison import Method
from noise_exp.report import tables, targets, words
from noise_exp.report.build import Report
from noise_exp.report.methods import FOLDED, SEVERAL, TERMINAL, methods_table, notes
from noise_exp.report.runs import Runs, rows_of
from noise_exp.runs import output
from noise_exp.runs.naming import name_methods_of
from noise_exp.runs.record import Record
from noise_exp.writing import markdown_of

PAGE = "report.html"
RUNS = "runs.csv"
_MOST_METHODS = 40  # of which a figure or a table of pairs can still be read
_MOST_SHARES = 6

Files = Mapping[str, Callable[[], str | bytes]]  # what makes each, by its name; it may be empty


def files(report: Report, title: str, command: str, sweep: str | None = None) -> Files:
    """Return a report's files; `title`, `command`, `sweep`: as of `render`."""
    methods = report.methods

    def shares() -> list[pd.DataFrame]:
        found = {**report.luck, **report.sources}
        return [table.assign(methods=name) for name, table in found.items()]

    return {
        RUNS: lambda: runs_csv(report.runs),
        "comparison.csv": lambda: _csv([methods.drop(columns="baseline")]),
        "comparison.md": lambda: markdown_of(methods_table(report, TERMINAL)),
        PAGE: lambda: render(report, title, command, sweep),
        "report_targets.csv": lambda: _csv([report.targets]),
        "report_pairs.csv": lambda: _csv(report.against),
        "report_variance.csv": lambda: _csv(shares()),
    }


def runs_csv(runs: Runs) -> str:
    """Return the table of all runs: what each was, what came of it, and where it is."""
    part = runs.part
    names = {"outcome": runs.outcome, "errors": f"{part}_errors", "images": f"{part}_size"}
    return _csv([runs.every.drop(columns="record").rename(columns=names).convert_dtypes()])


def _csv(frames: list[pd.DataFrame]) -> str:
    return pd.concat(frames, ignore_index=True).to_csv(index=False) if frames else ""


def write(
    folder: Path,
    files: Files,
    names: Iterable[str],
    each: Callable[[str], AbstractContextManager] = nullcontext,
) -> list[str]:
    """Write files, each within the context `each`; return where they are in the folder.

    Of `names`, what an earlier command wrote there and this one does not is removed.
    """
    written = []
    for name, make in files.items():
        with each(name):
            if content := make():
                content = content.encode() if isinstance(content, str) else content
                written.append(output.write(folder, name, content))
    for name in names:
        if name not in written and output.is_ours(folder / name):
            (folder / name).unlink()
    return written


def render(report: Report, title: str, command: str, sweep: str | None = None) -> str:
    """Return the page.

    `command` is what the runs came from, or what asked for the report; `sweep` the id in MLflow of
    the sweep that they are of, if they are of one.
    """
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
    return environment.get_template("page.html.j2").render(
        DRAW,
        report=report,
        title=title,
        command=command,
        sweep=sweep,
        version=__version__,
        most=_MOST_METHODS,
        words=words,
        tables=tables,
        methods=methods_table(report, SEVERAL),
        seeds=methods_table(report, FOLDED),
        notes={**tables.NOTES, **notes(report)},
        forest=_forest(report),
        drawn=drawn,
        curves=pictures.costs(drawn) if any(np.isfinite(m.costs).any() for m in drawn) else None,
        misclassification=comparison.misclassification,
        training_time=comparison.training_time,
        ecdf=pictures.ecdf,
        reached=_reached,
    )


def methods_drawn(records: Sequence[Record]) -> list[Method]:
    """Return what pictures are drawn from: methods without failed runs, in the article's order."""
    methods: dict[str, list[Record]] = {}
    for name, record in zip(name_methods_of(records), records, strict=True):
        if record.error is None:
            methods.setdefault(name, []).append(record)
    return [
        Method(
            label=name,
            tick=(runs[0].letter or name) if name == runs[0].dist else name,
            costs=pd.DataFrame([list(r.curves.get("cost", ())) for r in runs]).to_numpy(float),
            seconds=np.array([r.seconds for r in runs]),
            errors=np.array([r.errors for r in runs]),
        )
        for name, runs in sorted(methods.items(), key=lambda item: item[1][0].letter or "~")
    ]


def _forest(report: Report) -> Figure | None:
    """Return the differences to the reference; None where there are none, or too many to read."""
    table = report.to_reference
    if table is None or len(table) > _MOST_METHODS or table.low.isna().all():
        return None
    ordered = table.sort_values("difference")
    outcome, margin = report.runs.outcome, report.choices.margin
    return pictures.forest(ordered, str(report.reference), outcome, margin)


def _dots(report: Report) -> Figure:
    """Return every run as a dot, with the levels of what needs no training."""
    baselines = rows_of(report.summary[report.summary.baseline])
    levels = {f"mean of the {row.method.strip('()')}": row.mean for row in baselines}
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
    return pictures.reached(curves, "forward passes") if 0 < len(curves) <= _MOST_METHODS else None


DRAW: dict[str, Callable[[Report], Figure | None]] = {
    "dots": _dots,
    "ranks": _ranks,
    "shares": _shares,
}
