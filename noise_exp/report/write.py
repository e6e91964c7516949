"""A report as files: the page, and the one set of tables."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pandas as pd

from noise_exp.records import output
from noise_exp.report.build import Report
from noise_exp.report.methods import TERMINAL, methods_table
from noise_exp.report.page import render
from noise_exp.report.runs import Runs
from noise_exp.writing.tables import markdown_of

PAGE = "report.html"
RUNS = "runs.csv"

Files = Mapping[str, Callable[[], str | bytes]]  # what makes each, by its name; it may be empty


def files(report: Report, title: str, command: str, sweep: str | None = None) -> Files:
    """Return a report's files; `title`, `command`, `sweep`: as of `render`."""
    part = report.runs.part
    medians = {"wrong": f"{part}_errors", "of": f"{part}_size"}
    methods = report.methods.drop(columns="baseline").rename(columns=medians)
    return {
        RUNS: lambda: runs_csv(report.runs),
        "comparison.csv": lambda: _csv([methods]),
        "comparison.md": lambda: markdown_of(methods_table(report, TERMINAL, report.methods)),
        PAGE: lambda: render(report, title, command, sweep),
        "report_targets.csv": lambda: _csv([report.targets]),
        "report_pairs.csv": lambda: _csv(report.against),
        "report_variance.csv": lambda: _csv(
            [t.assign(methods=name) for name, t in {**report.luck, **report.sources}.items()]
        ),
    }


def runs_csv(runs: Runs) -> str:
    """Return the table of all runs: what each was, what came of it, and where it is."""
    part = runs.part
    names = {"outcome": runs.outcome, "errors": f"{part}_errors", "images": f"{part}_size"}
    return _csv([runs.every.drop(columns="record").rename(columns=names).convert_dtypes()])


def _csv(tables: list[pd.DataFrame]) -> str:
    return pd.concat(tables, ignore_index=True).to_csv(index=False) if tables else ""


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
