"""`python -m studies.feedback search|run|long|pages`: how much feedback noise needs.

    search  settings of every preset at 30 and at 300 passes, and on every network
    run     ten seeds with these settings; every sampler; baselines; angles to the gradient's
    long    both at 3,000 passes: the learning rate is searched, five seeds
    pages   tables and figures of docs/feedback.md, without training

Results are rows of studies/results/feedback_search.csv, feedback.csv, samplers.csv and angles.csv.
The first three take names of cells, such as '300/*' or networks/128/backprop, and '10000/spsa',
which runs only if it is asked for. What the store holds is not done again.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from noise_exp.errors import UserError, at_the_edge
from noise_exp.job.describe import trial_of
from noise_exp.runs.record import Record
from noise_exp.writing import markdown_of
from studies import baselines, protocol, results
from studies.feedback import angles, cells, figures, tables
from studies.pages import DOCS, add_output, write_table
from studies.protocol import Cell, Sweep

_RUNS = Path("multirun/feedback")
_SEARCH, _RESULTS, _SAMPLERS = "feedback_search.csv", "feedback.csv", "samplers.csv"
_ANGLES = "angles.csv"  # a row per epoch and hidden layer
_RACE = "race.csv"  # of studies.benchmarks.race


def main() -> None:
    """Do what is asked for."""
    options = _options()
    with at_the_edge("studies.feedback"):
        if options.command == "pages":
            _pages(options)
        elif options.command == "long":
            chosen = _long(options)
            _search(chosen, options)
            seeds = _seeds(chosen, options.results)
            _sweeps(seeds, options.jobs, results.keep(options.results / _RESULTS))
        elif options.command == "search":
            short = cells.short()
            _search([short[name] for name in _named(short, options.cells or ["*"])], options)
        elif options.fast:
            _fast(options)
        else:
            _run(options)


def _search(chosen: Iterable[Cell], options: argparse.Namespace) -> None:
    sweeps = [cell.search(_RUNS) for cell in chosen]
    _sweeps(sweeps, options.jobs, results.keep(options.results / _SEARCH))


def _run(options: argparse.Namespace) -> None:
    known = cells.short() | cells.samplers()
    if options.cells:
        asked = _named(["baselines", *known], options.cells)
    else:
        asked = ["baselines", *_searched(known, options.results)]
    # Before hours of computing: a cell that has no settings is an error.
    sweeps = _seeds([known[name] for name in asked if name in known], options.results)
    if "baselines" in asked:
        results.merge(options.results / _RESULTS, _baselines())

    def ended(sweep: Sweep, records: Sequence[Record]) -> None:
        name = _SAMPLERS if sweep.cell.startswith("samplers/") else _RESULTS
        results.merge(options.results / name, results.rows(sweep.cell, records))
        if cells.DIAGNOSED in sweep.overrides:
            angles.keep(options.results / _ANGLES, records)

    _sweeps(sweeps, options.jobs, ended)


def _searched(known: Mapping[str, Cell], folder: Path) -> list[str]:
    """Return the cells that have settings; say which have none."""
    trials = set(results.read(folder / _SEARCH).cell)
    without = [name for name, cell in known.items() if (cell.source or cell).name not in trials]
    if without:
        print(f"left out, as their settings were not searched: {', '.join(without)}")
    return [name for name in known if name not in without]


def _sweeps(sweeps: Sequence[Sweep], jobs: int, ended: protocol.Ended) -> None:
    """Run sweeps, those that are measured in seconds one after the other."""
    timed = [sweep for sweep in sweeps if sweep.cell.startswith(cells.TIMED)]
    protocol.run([sweep for sweep in sweeps if sweep not in timed], jobs, ended)
    protocol.run(timed, 1, ended)


def _fast(options: argparse.Namespace) -> None:
    """Print the first budget's table, of three seeds."""
    passes = cells.BUDGETS[0]
    chosen = [replace(cells.short()[f"{passes}/{preset}"], seeds=3) for preset in cells.FEEDBACK]
    sweeps = _seeds(chosen, options.results)
    kept = [_baselines()]
    protocol.run(
        sweeps, options.jobs,
        lambda sweep, records: kept.append(results.rows(sweep.cell, records)),
    )  # fmt: skip
    print(markdown_of(tables.by_passes(results.join(kept), passes)))


def _long(options: argparse.Namespace) -> list[Cell]:
    names = {f"{passes}/{p}": (passes, p) for passes in cells.LONG for p in cells.FEEDBACK}
    asked = _named(names, options.cells or [f"{cells.LONG[0]}/*"])
    trials, short = results.read(options.results / _SEARCH), cells.short()
    chosen = []
    for passes, preset in map(names.__getitem__, asked):
        before = short[f"{cells.BUDGETS[-1]}/{preset}"]
        settings = before.settings(results.best(trials, before.name))
        chosen.append(cells.long(passes, preset, settings))
    return chosen


def _pages(options: argparse.Namespace) -> None:
    folder = options.output
    folder.mkdir(parents=True, exist_ok=True)

    def table(name: str, found: pd.DataFrame) -> None:
        if len(found):
            write_table(folder, name, markdown_of(found))

    if (trials := results.found(options.results / _SEARCH)) is not None:
        table("search", tables.searched(trials, cells.BUDGETS))
    if (runs := results.found(options.results / _RESULTS)) is not None:
        for passes in (*cells.BUDGETS, *cells.LONG):
            table(f"passes_{passes}", tables.by_passes(runs, passes))
        for passes in cells.BUDGETS:
            table(f"weights_{passes}", tables.by_feedback_weights(runs, passes))
        figures.by_passes(runs).savefig(folder / "passes.png", dpi=110, transparent=True)
        if len(networks := tables.by_network(runs)):
            table("networks", networks)
            figures.by_depth(runs).savefig(folder / "depth.png", dpi=110)
        if (evosax := results.found(options.results / _RACE)) is not None:
            table("evosax", tables.by_seconds(results.join([runs, evosax])))
        if (sampled := results.found(options.results / _SAMPLERS)) is not None:
            table("samplers", tables.by_sampler(sampled, runs))
    if (found := results.found(options.results / _ANGLES, pd.read_csv)) is not None:
        angles.by_epoch(found).savefig(folder / "angles.png", dpi=110)


def _named(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            groups = {name.rpartition("/")[0] + "/*" if "/" in name else name for name in names}
            raise UserError(
                f"no cell is called {pattern}; give some of {', '.join(sorted(groups))}"
            )
    return [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]


def _seeds(chosen: Sequence[Cell], folder: Path) -> list[Sweep]:
    if not chosen:
        return []
    trials, sweeps = results.read(folder / _SEARCH), []
    for cell in chosen:
        found = cell.source or cell
        sweeps.append(cell.run(_RUNS, found.settings(results.best(trials, found.name))))
    return sweeps


def _baselines() -> pd.DataFrame:
    split, validation = (
        trial_of(["experiment=feedback", "dist=backprop", f"data.validation_size={size}"]).split
        for size in (0, 2000)
    )
    k, wrong = baselines.nearest_neighbours(split, validation)
    measured = {"cell": "baselines", "seed": "", "images": len(split.test_labels)}
    return pd.DataFrame(
        [
            {**measured, "preset": "constant_answer", "errors": baselines.constant(split)},
            {**measured, "preset": "logistic_regression",
             "errors": baselines.logistic_regression(split)},
            {**measured, "preset": "nearest_neighbours", "neighbours": str(k), "errors": wrong},
        ]
    )  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m studies.feedback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("search", "run", "long", "pages"))
    parser.add_argument("cells", nargs="*", metavar="CELL", help="default: all")
    parser.add_argument(
        "--fast", action="store_true", help="run: the first budget, 3 seeds, not kept"
    )
    results.add_options(parser)
    add_output(parser, DOCS / "feedback")
    options = parser.parse_args()
    if options.fast and (options.command != "run" or options.cells):
        parser.error("--fast is of `run` alone, and names its cells itself")
    return options


if __name__ == "__main__":
    main()
