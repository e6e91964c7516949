"""`python -m studies.learning.feedback FOLDER`: how much feedback noise needs, in figures.

FOLDER holds sweeps by the names below; those that are missing are left out. `make feedback-search`
and `make feedback` run them. The tables replace what stands between `<!-- name -->` and
`<!-- end -->` in the page given by `--page`.

    search     experiment=feedback_search, a folder for each preset
    passes     experiment=feedback: every preset at several budgets of forward passes
    seconds    the same at one budget of seconds
    few_distributions   the same with a few distributions, at one budget
    distributions       the same with all of them
    feedback   learned_feedback and the two fixed ones, on more seeds
    depth      with network.hidden swept
"""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from noise_exp.errors import UserError, at_the_edge
from noise_exp.job import launchers
from noise_exp.runs.record import Record
from noise_exp.writing import markdown_of
from studies.learning import feedback_figures as figures
from studies.learning import feedback_tables as tables
from studies.learning.presets import FEEDBACK, Presets, budget, by_preset, depth
from studies.learning.sweeps import error_rate, load
from studies.pages import Page, add_page

_TABLES: dict[str, Callable[[Presets], pd.DataFrame]] = {
    "search": tables.searched,
    "passes": tables.by_passes,
    "seconds": tables.by_seconds,
    "few_distributions": tables.by_preset,
    "distributions": tables.by_distribution,
    "feedback": tables.against_fixed,
    "depth": tables.by_depth,
}


def main() -> None:
    """Write what the folder's sweeps have to tell."""
    parser = argparse.ArgumentParser("python -m studies.learning.feedback", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds search, passes, ...")
    add_page(parser, "learning")
    parser.add_argument(
        "--costs",
        action="store_true",
        help="measure what a pass of each preset costs too (a minute)",
    )
    parser.add_argument("--threads", type=int, default=launchers.available())
    options = parser.parse_args()
    with at_the_edge("studies.learning.feedback"):
        page = Page(options.output, options.page)
        folders = {name: options.folder / name for name in _TABLES}
        sweeps = {name: load(folder) for name, folder in folders.items() if folder.is_dir()}
        if not sweeps:
            raise UserError(f"{options.folder} holds none of the sweeps; make feedback runs them")
        shown = {name: by_preset(records) for name, records in sweeps.items()}
        for name, presets in shown.items():
            page.table(name, markdown_of(_TABLES[name](presets)))
        if options.costs:
            page.table("costs", markdown_of(tables.costs(options.threads)))
        _pictures(shown, page.folder)


def _pictures(sweeps: Mapping[str, Presets], folder: Path) -> None:
    def curves(presets: Presets, x: Callable[[Record], float]) -> list[figures.Band]:
        bands = []
        for preset, group in presets.items():
            at = sorted({x(r) for r in group})
            rates = [[100 * error_rate(r) for r in group if x(r) == value] for value in at]
            bands.append(figures.Band(preset, FEEDBACK[preset], at, rates))
        return bands

    if "passes" in sweeps:
        picture = figures.bands(
            curves(sweeps["passes"], budget), "Ten digits: how much feedback does noise need?",
            "forward passes over the training images",
        )  # fmt: skip
        picture.savefig(folder / "feedback.png", dpi=110)
    if "depth" in sweeps:
        picture = figures.bands(
            curves(sweeps["depth"], depth), "Ten digits: where does each stop learning?",
            "hidden layers", log_x=False,
        )  # fmt: skip
        picture.savefig(folder / "feedback_depth.png", dpi=110)


if __name__ == "__main__":
    main()
