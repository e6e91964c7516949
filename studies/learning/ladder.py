"""`python -m studies.learning.ladder FOLDER`: how much noise must be told, as tables and figures.

FOLDER holds sweeps by the names below; those that are missing are left out. `make ladder-search`
and `make ladder` run them. The tables replace what stands between `<!-- name -->` and
`<!-- end -->` in the page given by `--page`.

    search     experiment=ladder_search, a folder for each rung
    passes     experiment=ladder: every rung at several budgets of forward passes
    seconds    the same at one budget of seconds
    few_laws   the same with a few laws, at one budget
    laws       the same with all of them
    feedback   learned_feedback and the two fixed ones, on more seeds
    depth      with network.hidden swept
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from noise_exp.errors import UserError, at_the_edge
from noise_exp.records.record import Record
from noise_exp.run import launchers
from noise_exp.writing import markdown_of
from studies.learning import ladder_figures as figures
from studies.learning import ladder_tables as tables
from studies.learning.rungs import TOLD, Rungs, budget, by_rung, depth
from studies.learning.sweeps import error_rate, load
from studies.pages import Page, add_page

_TABLES: dict[str, Callable[[Rungs], pd.DataFrame]] = {
    "search": tables.searched,
    "passes": tables.by_passes,
    "seconds": tables.by_seconds,
    "few_laws": tables.by_rung,
    "laws": tables.by_law,
    "feedback": tables.against_fixed,
    "depth": tables.by_depth,
}


def main() -> None:
    """Write what the folder's sweeps have to tell."""
    parser = argparse.ArgumentParser("python -m studies.learning.ladder", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds search, passes, ...")
    add_page(parser, "learning")
    parser.add_argument(
        "--costs", action="store_true", help="measure what a pass of each rung costs too (a minute)"
    )
    parser.add_argument("--threads", type=int, default=launchers.available())
    options = parser.parse_args()
    with at_the_edge("studies.learning.ladder"):
        page = Page(options.output, options.page)
        folders = {name: options.folder / name for name in _TABLES}
        sweeps = {name: load(folder) for name, folder in folders.items() if folder.is_dir()}
        if not sweeps:
            raise UserError(f"{options.folder} holds none of the sweeps; make ladder runs them")
        ladder = {name: by_rung(records) for name, records in sweeps.items()}
        for name, rungs in ladder.items():
            page.table(name, markdown_of(_TABLES[name](rungs)))
        if options.costs:
            page.table("costs", markdown_of(tables.costs(options.threads)))
        _pictures(ladder, page.folder)


def _pictures(sweeps: Mapping[str, Rungs], folder: Path) -> None:
    def curves(rungs: Rungs, x: Callable[[Record], float]) -> list[figures.Band]:
        bands = []
        for rung, group in rungs.items():
            at = sorted({x(r) for r in group})
            rates = [[100 * error_rate(r) for r in group if x(r) == value] for value in at]
            bands.append(figures.Band(rung, TOLD[rung], at, rates))
        return bands

    if "passes" in sweeps:
        picture = figures.bands(
            curves(sweeps["passes"], budget), "Ten digits: how much must noise be told?",
            "forward passes over the training images",
        )  # fmt: skip
        picture.savefig(folder / "ladder.png", dpi=110)
    if "depth" in sweeps:
        picture = figures.bands(
            curves(sweeps["depth"], depth), "Ten digits: where does each stop learning?",
            "hidden layers", log_x=False,
        )  # fmt: skip
        picture.savefig(folder / "ladder_depth.png", dpi=110)


if __name__ == "__main__":
    main()
