"""`python -m studies.feedback search|run|long`: how much feedback noise needs, by the protocol.

    search  the settings of every preset at 30 and at 300 passes, and on every network
    run     ten seeds with these settings
    long    both at 3,000 passes: the learning rate is searched, five seeds

Their results are rows of studies/results/feedback_search.csv and feedback.csv. Each takes names of
cells, such as '300/*' or networks/32-32/backprop; '10000/spsa' only if it is asked for. What is
done is not done again.
"""

import argparse
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from noise_exp.errors import UserError, at_the_edge
from noise_exp.job import launchers
from noise_exp.runs.record import Record
from studies import protocol, results
from studies.feedback import cells
from studies.learning.presets import FEEDBACK
from studies.protocol import Cell, Sweep

_RUNS = Path("multirun/feedback")
_SEARCH, _RESULTS = "feedback_search.csv", "feedback.csv"


def main() -> None:
    """Do what is asked for."""
    options = _options()
    with at_the_edge("studies.feedback"):
        if options.command == "long":
            chosen = _long(options)
        else:
            short = cells.short()
            chosen = [short[name] for name in _named(short, options.cells or ["*"])]
        if options.command != "run":
            _sweeps([cell.search(_RUNS) for cell in chosen], _SEARCH, options)
        if options.command != "search":
            trials = results.read(options.results / _SEARCH)
            sweeps = [c.run(_RUNS, c.settings(results.best(trials, c.name))) for c in chosen]
            _sweeps(sweeps, _RESULTS, options)


def _long(options: argparse.Namespace) -> list[Cell]:
    names = {f"{passes}/{preset}": (passes, preset) for passes in cells.LONG for preset in FEEDBACK}
    asked = _named(names, options.cells or [f"{cells.LONG[0]}/*"])
    trials, short = results.read(options.results / _SEARCH), cells.short()
    chosen = []
    for passes, preset in map(names.__getitem__, asked):
        before = short[f"{cells.BUDGETS[-1]}/{preset}"]
        settings = before.settings(results.best(trials, before.name))
        chosen.append(cells.long(passes, preset, settings))
    return chosen


def _named(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            known = ", ".join(sorted({name.rpartition("/")[0] + "/*" for name in names}))
            raise UserError(f"no cell is called {pattern}; give some of {known}")
    return [name for name in names if any(fnmatch(name, pattern) for pattern in patterns)]


def _sweeps(sweeps: Sequence[Sweep], name: str, options: argparse.Namespace) -> None:
    def ended(sweep: Sweep, records: Sequence[Record]) -> None:
        results.merge(options.results / name, results.rows(sweep.cell, records))

    protocol.run(sweeps, options.jobs, ended)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m studies.feedback",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("search", "run", "long"))
    parser.add_argument("cells", nargs="*", metavar="CELL", help="default: all")
    parser.add_argument(
        "--jobs", type=int, default=launchers.available(), help="sweeps at a time; default: cores"
    )
    parser.add_argument(
        "--results", type=Path, default=results.FOLDER, metavar="FOLDER", help="for csv files"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
