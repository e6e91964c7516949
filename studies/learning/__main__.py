"""`python -m studies.learning run|pages`: what noise learns.

    run    the sweeps of studies/conf/experiment/learning, baselines, seconds beside the article's
    pages  tables and figures of docs/learning.md, without training

Results are rows of studies/results/learning.csv, and medians by epoch of learning_curves.csv. What
the store holds is not done again.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from noise_exp.errors import UserError, at_the_edge
from noise_exp.job import launchers
from noise_exp.runs.record import Record
from noise_exp.writing import markdown_of
from studies import protocol, results
from studies.learning import figures, measured, tables
from studies.pages import DOCS, add_output, write_table
from studies.protocol import Sweep

_NAMES = sorted(path.stem for path in (protocol.CONF / "experiment" / "learning").glob("*.yaml"))
_RESULTS, _CURVES = "learning.csv", "learning_curves.csv"


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        "python -m studies.learning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("run", "pages"))
    results.add_options(parser)
    add_output(parser, DOCS / "learning")
    options = parser.parse_args()
    with at_the_edge("studies.learning"):
        (_run if options.command == "run" else _pages)(options)


def _run(options: argparse.Namespace) -> None:
    path = options.results / _RESULTS
    curves: list[pd.DataFrame] = []

    def ended(sweep: Sweep, records: Sequence[Record]) -> None:
        results.merge(path, results.rows(sweep.cell, records))
        if sweep.cell.removesuffix("_backprop") in tables.TASKS:
            curves.append(measured.curves(sweep.cell, records))
        if sweep.cell in tables.TASKS:
            results.merge(path, measured.baselines_of(sweep.cell, records))

    sweeps = [
        Sweep(name, Path("multirun/learning") / name, (f"experiment=learning/{name}",))
        for name in _NAMES
    ]
    protocol.run(sweeps, options.jobs, ended)
    by_cell = pd.concat(curves).sort_values("cell", kind="stable")
    by_cell.to_csv(options.results / _CURVES, index=False)
    results.merge(path, measured.seconds(tables.METHODS, launchers.available()))


def _pages(options: argparse.Namespace) -> None:
    runs = results.found(options.results / _RESULTS)
    if runs is None:
        return
    if missing := {*_NAMES, "seconds"} - {*runs.cell}:
        raise UserError(f"{_RESULTS} lacks {', '.join(sorted(missing))}; `run` goes on")
    for name, table in tables.all_tables(runs).items():
        write_table(options.output, name, markdown_of(table))
    for task, title in tables.TASKS.items():
        picture = figures.error_bars(
            tables.of(runs, task), tables.of(runs, f"{task}_baselines"), title
        )
        picture.savefig(options.output / f"{task}.png", dpi=110)
    curves = pd.read_csv(options.results / _CURVES)
    shown = {title: tables.of(curves, task) for task, title in tables.TASKS.items()}
    figures.learning_curves(shown).savefig(options.output / "curves.png", dpi=110)


if __name__ == "__main__":
    main()
