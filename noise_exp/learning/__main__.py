"""`python -m noise_exp.learning FOLDER`: what noise learns, as tables and figures.

FOLDER holds sweeps by the names below; those that are missing are left out. `make learning` runs
them all. The tables replace what stands between `<!-- name -->` and `<!-- end -->` in the page
given by `--page`.

    learn, digits                   experiment=learn, experiment=digits, all methods and seeds
    learn_none, learn_rank          the first with estimator.repair=none, with rank
    learn_nodes                     the first with estimator=node_perturbation
    learn_layers, digits_layers     with network.frozen swept, for gaussian and backprop
    grid                            experiment=learn with all estimators and optimizers
"""

import argparse
import math
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from noise_exp.errors import UserError
from noise_exp.figures import learning as figures
from noise_exp.learning import floors, tables
from noise_exp.learning.sweeps import Run, by_method, load, mean_and_error
from noise_exp.run import launchers
from noise_exp.run.build import build
from noise_exp.run.config import CONF_DIR
from noise_exp.training.article_way import article_way
from noise_exp.training.network import predicted
from noise_exp.training.trial import Trial
from noise_exp.writing.pages import Page

_TASKS = {"learn": "Zeros and ones", "digits": "Ten digits"}
_VARIANTS = ("learn_none", "learn_rank", "learn_nodes")
_RANDOM_NETWORKS = 300
_SHOWN_UNITS, _SHOWN_DIGITS = 10, 20


def main() -> None:
    """Write what the folder's sweeps have to tell."""
    options = _options()
    page = Page(options.output, options.page, "learning")
    try:
        sweeps = {
            name: load(options.folder / name)
            for name in (*_TASKS, *_VARIANTS, *(f"{task}_layers" for task in _TASKS), "grid")
            if (options.folder / name).is_dir()
        }
        if not sweeps:
            raise UserError(f"{options.folder} holds none of the sweeps; make learning runs them")
        for name, runs in sweeps.items():
            if name in _TASKS:
                _task(name, runs, page, options.threads)
            elif name in _VARIANTS:
                page.table(name, tables.methods(runs))
            elif name == "grid":
                page.table(name, tables.grid(runs))
            else:
                page.table(name, tables.layers(runs))
        slowest = theirs = math.nan
        if options.seconds and "learn" in sweeps:
            theirs, timings = _seconds(sweeps["learn"], options.threads)
            page.table("seconds", tables.seconds(timings, theirs))
            slowest = max(seconds for _, seconds, _ in timings)
        if any(name in sweeps for name in _TASKS):
            learn, digits = (sweeps.get(name, []) for name in _TASKS)
            page.table("targets", tables.targets(learn, digits, slowest, theirs))
        shown = [(title, _learners(sweeps[n])) for n, title in _TASKS.items() if n in sweeps]
        if shown:
            curves = figures.learning_curves(shown)
            curves.savefig(page.folder / "learning_curves.png", dpi=110)
    except UserError as error:
        sys.exit(f"noise_exp.learning: {error}")


def _task(name: str, runs: Sequence[Run], page: Page, threads: int) -> None:
    groups = by_method(runs)
    page.table(name, tables.methods(runs))
    found = _floors(next(iter(groups.values())), threads)
    page.table(f"{name}_floors", tables.floors(found))
    rows = [(m, *mean_and_error([run.error_rate for run in g])) for m, g in groups.items()]
    floor, rates = next(iter(found.items()))  # the only one near enough to be seen
    figures.error_bars(
        rows, (floor, float(np.mean(rates))), f"{_TASKS[name]}: mean over seeds, standard error"
    ).savefig(page.folder / f"learning_{name}.png", dpi=110)
    pair = [(m, _retrained(groups[m][0], threads)) for m in ("gaussian", "backprop") if m in groups]
    columns = []
    for method, (before, experiment) in pair:
        (weights, _), *_ = experiment.network.views(experiment.parameters)
        (start, _), *_ = experiment.network.views(before)
        moved = np.argsort(-np.linalg.norm(weights - start, axis=0))
        columns.append((method, (weights - start)[:, moved]))
    if columns:
        picture = figures.filters(columns, _SHOWN_UNITS)
        picture.savefig(page.folder / f"learning_{name}_weights.png", dpi=90)
        _mistakes(*pair[0], page.folder / f"learning_{name}_mistakes.png")


def _mistakes(method: str, trained: tuple[np.ndarray, Trial], path: Path) -> None:
    experiment = trained[1]
    test, split = experiment.test(), experiment.split
    wrong = np.flatnonzero(test.wrong)[:_SHOWN_DIGITS]
    guesses = predicted(test.outputs[wrong]).astype(int)
    captions = [
        f"{split.test_labels[i]} as {guess}" for i, guess in zip(wrong, guesses, strict=True)
    ]
    title = f"{method}: {test.errors} of {len(test.wrong)} test images wrong"
    figures.digits(split.test_images[wrong], captions, title).savefig(path, dpi=90)


def _floors(runs: Sequence[Run], threads: int) -> dict[str, list[float]]:
    """Test error rates of the floors, one for each split."""
    found: dict[str, list[float]] = {
        "logistic regression on the pixels": [],
        f"the best of {_RANDOM_NETWORKS} random networks": [],
        "the most frequent label": [],
    }
    splits = set()
    for run in runs:
        cfg = _config(run)
        if cfg.seeds.data in splits:
            continue
        splits.add(cfg.seeds.data)
        experiment, scale = build(cfg, threads), cfg.network.init_scale
        rates = (
            floors.logistic_regression(experiment.split),
            floors.best_random(experiment, scale, _RANDOM_NETWORKS, cfg.seed, threads),
            floors.constant(experiment.split),
        )
        for values, rate in zip(found.values(), rates, strict=True):
            values.append(rate)
    return found


def _seconds(runs: Sequence[Run], threads: int) -> tuple[float, list[tuple[str, float, int]]]:
    """Train one run of each method anew, beside the article's way of back propagation.

    Returns the article's seconds, and each method with its seconds and test errors.
    """
    theirs = [_article_seconds(threads)]
    timings = []
    for method, group in by_method(runs).items():
        experiment = build(_config(group[0]), threads)
        record = deque(experiment.train(), maxlen=1).pop()
        timings.append((method, record.train_seconds, experiment.test().errors))
    theirs.append(_article_seconds(threads))
    return float(np.mean(theirs)), timings


def _article_seconds(threads: int) -> float:
    """Time 100 epochs of back propagation the article's way."""
    theirs = build(_composed(["dist=backprop"]))
    run = article_way(
        theirs.split.train_images, theirs.split.train_labels,
        theirs.network.views(theirs.parameters), None, 1e-4, (), threads,
    )  # fmt: skip
    start = perf_counter()
    run(100)
    return perf_counter() - start


def _learners(runs: Sequence[Run]) -> list[figures.Learner]:
    """Medians over seeds, as far as all of a method's runs have epochs."""
    learners = []
    for method, group in by_method(runs).items():
        last = min(len(run.curves["cost"]) for run in group)
        passes, seconds, errors = (
            np.median([run.curves[key][:last] for run in group], axis=0)
            for key in ("forward_passes", "train_seconds", "train_error_rate")
        )
        learners.append(figures.Learner(method, passes, seconds, errors))
    return learners


def _config(run: Run) -> DictConfig:
    return _composed(run.result.overrides)


def _composed(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("config", overrides)


def _retrained(run: Run, threads: int) -> tuple[np.ndarray, Trial]:
    """Train a run anew; return its parameters before, and what holds them after."""
    experiment = build(_config(run), threads)
    before = experiment.parameters.copy()
    deque(experiment.train(), maxlen=0)
    return before, experiment


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m noise_exp.learning",
        description="Tables and figures of what noise learns, from the sweeps in a folder.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="holds learn, digits, ...")
    parser.add_argument("--output", type=Path, default=Path("learning"), metavar="FOLDER")
    parser.add_argument("--page", type=Path, metavar="FILE", help="a page with places for tables")
    parser.add_argument(
        "--seconds", action="store_true", help="time them beside the article's way too (a minute)"
    )
    parser.add_argument("--threads", type=int, default=launchers.available())
    return parser.parse_args()


if __name__ == "__main__":
    main()
