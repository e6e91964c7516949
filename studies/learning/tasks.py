"""A task's sweep: its table, its floors, its pictures, its seconds."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from noise_exp.job.describe import trial_of
from noise_exp.runs.record import Record
from noise_exp.training import article
from noise_exp.training.network import predicted
from noise_exp.training.trial import Trial
from studies.article_way import article_way
from studies.learning import figures, floors, tables
from studies.learning.sweeps import by_method, error_rate, interval
from studies.pages import Page

TASKS = {"learn": "Zeros and ones", "digits": "Ten digits"}
_RANDOM_NETWORKS = 300
_SHOWN_UNITS, _SHOWN_DIGITS = 10, 20


def write(name: str, runs: Sequence[Record], page: Page, threads: int) -> None:
    """Write a task's tables and pictures."""
    groups = by_method(runs)
    page.table(name, tables.methods(runs))
    reached = _floors(next(iter(groups.values())), threads)
    page.table(f"{name}_floors", tables.floors(reached))
    rows = [(m, *interval([error_rate(run) for run in g])) for m, g in groups.items()]
    floor, rates = next(iter(reached.items()))  # the only one near enough to be seen
    figures.error_bars(
        rows, (floor, float(np.mean(rates))), f"{TASKS[name]}: mean over seeds, its 95% interval"
    ).savefig(page.folder / f"learning_{name}.png", dpi=110)
    pair = [m for m in ("gaussian", "backprop") if m in groups]
    trials = {method: trial_of(groups[method][0].overrides, threads) for method in pair}
    columns = [(method, _learned_weights(trial)) for method, trial in trials.items()]
    if columns:
        picture = figures.filters(columns, _SHOWN_UNITS)
        picture.savefig(page.folder / f"learning_{name}_weights.png", dpi=90)
        _mistakes(pair[0], trials[pair[0]], page.folder / f"learning_{name}_mistakes.png")


def seconds(runs: Sequence[Record], threads: int) -> tuple[float, list[tuple[str, float, int]]]:
    """Train one run of each method anew, beside the article's way of back propagation.

    Returns the article's seconds, and each method with its seconds and test errors.
    """
    theirs = [_article_seconds(threads)]
    timings = []
    for method, group in by_method(runs).items():
        trial = trial_of(group[0].overrides, threads)
        last = deque(trial.train(), maxlen=1).pop()
        timings.append((method, last.train_seconds, trial.test().errors))
    theirs.append(_article_seconds(threads))
    return float(np.mean(theirs)), timings


def learners(runs: Sequence[Record]) -> list[figures.Learner]:
    """Return medians over seeds, as far as all of a method's runs have epochs."""
    curves = []
    for method, group in by_method(runs).items():
        last = min(len(run.curves["cost"]) for run in group)
        passes, spent, errors = (
            np.median([run.curves[key][:last] for run in group], axis=0)
            for key in ("forward_passes", "train_seconds", "train_error_rate")
        )
        curves.append(figures.Learner(method, passes, spent, errors))
    return curves


def _learned_weights(trial: Trial) -> np.ndarray:
    """Train; return how the first layer's weights moved, most moved units first."""
    (start, _), *_ = trial.network.views(trial.parameters)
    deque(trial.train(), maxlen=0)
    (weights, _), *_ = trial.network.views(trial.parameters)
    moved = weights - start
    return moved[:, np.argsort(-np.linalg.norm(moved, axis=0))]


def _mistakes(method: str, trial: Trial, path: Path) -> None:
    test, split = trial.test(), trial.split
    wrong = np.flatnonzero(test.wrong)[:_SHOWN_DIGITS]
    guesses = predicted(test.outputs[wrong]).astype(int)
    captions = [
        f"{split.test_labels[i]} as {guess}" for i, guess in zip(wrong, guesses, strict=True)
    ]
    title = f"{method}: {test.errors} of {len(test.wrong)} test images wrong"
    figures.digits(split.test_images[wrong], captions, title).savefig(path, dpi=90)


def _floors(runs: Sequence[Record], threads: int) -> dict[str, list[float]]:
    """Return test error rates of the floors, one for each split."""
    rates: dict[str, list[float]] = {}
    of_split = {run.params["seeds.data"]: run for run in reversed(runs)}
    for run in reversed(of_split.values()):
        trial, scale = trial_of(run.overrides, threads), float(run.params["network.init_scale"])
        seed = int(run.params["seed"])
        for name, rate in (
            ("logistic regression on the pixels", floors.logistic_regression(trial.split)),
            (
                f"the best of {_RANDOM_NETWORKS} random networks",
                floors.best_random(trial, scale, _RANDOM_NETWORKS, seed),
            ),
            ("the most frequent label", floors.constant(trial.split)),
        ):
            rates.setdefault(name, []).append(rate)
    return rates


def _article_seconds(threads: int) -> float:
    """Time 100 epochs of back propagation the article's way."""
    trial = trial_of(["dist=backprop"])
    run = article_way(
        trial.split.train_images, trial.split.train_labels,
        trial.network.views(trial.parameters), None, article.DROPPED_LR, (), threads,
    )  # fmt: skip
    start = perf_counter()
    run(article.EPOCHS)
    return perf_counter() - start
