"""`python -m studies.learning FOLDER`: what noise learns, as tables and figures.

FOLDER holds sweeps by the names below; those that are missing are left out. `make learning` runs
them all. The tables replace what stands between `<!-- name -->` and `<!-- end -->` in the page
given by `--page`.

    learn, digits                   experiment=learn, experiment=digits, all methods and seeds
    learn_none, learn_rank          the first with noise_transform=none, with rank
    learn_nodes                     the first with estimator=node_perturbation
    learn_layers, digits_layers     with network.frozen swept, for gaussian and backprop
    grid                            experiment=learn with all estimators and optimizers
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from noise_exp.errors import UserError, at_the_edge
from noise_exp.job import launchers
from noise_exp.runs.record import Record
from studies.learning import figures, tables, tasks
from studies.learning.sweeps import load
from studies.pages import Page, add_page

_VARIANTS = ("learn_none", "learn_rank", "learn_nodes")
_LAYERS = tuple(f"{task}_layers" for task in tasks.TASKS)


def main() -> None:
    """Write what the folder's sweeps have to tell."""
    options = _options()
    with at_the_edge("studies.learning"):
        page = Page(options.output, options.page)
        names = (*tasks.TASKS, *_VARIANTS, *_LAYERS, "grid")
        folders = {name: options.folder / name for name in names}
        sweeps = {name: load(folder) for name, folder in folders.items() if folder.is_dir()}
        if not sweeps:
            raise UserError(f"{options.folder} holds none of the sweeps; make learning runs them")
        for name, runs in sweeps.items():
            _sweep(name, runs, page, options.threads)
        _tasks({n: sweeps[n] for n in tasks.TASKS if n in sweeps}, page, options)


def _sweep(name: str, runs: Sequence[Record], page: Page, threads: int) -> None:
    if name in tasks.TASKS:
        tasks.write(name, runs, page, threads)
    elif name in _VARIANTS:
        page.table(name, tables.methods(runs))
    elif name in _LAYERS:
        page.table(name, tables.layers(runs))
    else:
        page.table(name, tables.grid(runs))


def _tasks(sweeps: Mapping[str, Sequence[Record]], page: Page, options: argparse.Namespace) -> None:
    """Write what the tasks' sweeps have in common: seconds and curves."""
    if options.seconds and "learn" in sweeps:
        theirs, timings = tasks.seconds(sweeps["learn"], options.threads)
        page.table("seconds", tables.seconds(timings, theirs))
    if sweeps:
        shown = [(tasks.TASKS[name], tasks.learners(runs)) for name, runs in sweeps.items()]
        curves = figures.learning_curves(shown)
        curves.savefig(page.folder / "learning_curves.png", dpi=110)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m studies.learning",
        description="Tables and figures of what noise learns, from the sweeps in a folder.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds learn, digits, ...")
    add_page(parser, "learning")
    parser.add_argument(
        "--seconds", action="store_true", help="time them beside the article's way too (a minute)"
    )
    parser.add_argument("--threads", type=int, default=launchers.available())
    return parser.parse_args()


if __name__ == "__main__":
    main()
