"""What is measured beside the sweeps: baselines, seconds beside the article's way, curves."""

from collections import deque
from collections.abc import Sequence
from time import perf_counter

import numpy as np
import pandas as pd

from noise_exp.job.describe import trial_of
from noise_exp.runs.record import Record
from noise_exp.training import article
from studies import baselines
from studies.article_way import article_way

_RANDOM_NETWORKS = 300
_CURVES = ("forward_passes", "train_seconds", "train_error_rate")


def baselines_of(task: str, records: Sequence[Record]) -> pd.DataFrame:
    """Return the baselines of a task, experiment=learn or digits: one row for each and split."""
    rows = []
    of_split = {record.params["seeds.data"]: record for record in reversed(records)}
    for record in reversed(of_split.values()):
        seed, scale = record.params["seed"], float(record.params["network.init_scale"])
        trial = trial_of([f"experiment={task}", f"seed={seed}"])
        for name, wrong in (
            ("logistic regression on the pixels", baselines.logistic_regression(trial.split)),
            (f"the best of {_RANDOM_NETWORKS} random networks",
             baselines.best_random(trial, scale, _RANDOM_NETWORKS, int(seed))),
            ("the most frequent label", baselines.constant(trial.split)),
        ):  # fmt: skip
            rows.append(
                {"cell": f"{task}_baselines", "seed": seed, "dist": name, "errors": wrong,
                 "images": len(trial.split.test_labels)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def seconds(methods: Sequence[str], threads: int) -> pd.DataFrame:
    """Train each method of experiment=learn on one seed, beside the article's back propagation.

    One after the other in this process; the article's program is timed before and after them.
    """
    before = _article_seconds(threads)
    rows = []
    for method in methods:
        trial = trial_of(["experiment=learn", f"dist={method}", "seed=1"], threads)
        last = deque(trial.train(), maxlen=1).pop()
        rows.append(
            {"cell": "seconds", "dist": method, "seconds": round(last.train_seconds, 3),
             "errors": trial.test().errors, "images": len(trial.split.test_labels)}
        )  # fmt: skip
    theirs = (before + _article_seconds(threads)) / 2
    rows.append({"cell": "seconds", "dist": "article", "seconds": round(theirs, 3)})
    return pd.DataFrame(rows)


def curves(cell: str, records: Sequence[Record]) -> pd.DataFrame:
    """Return medians over seeds by method and epoch, as far as all of a method's runs have any."""
    frames = []
    for method in dict.fromkeys(record.dist for record in records):
        group = [record for record in records if record.dist == method]
        last = min(len(run.curves["cost"]) for run in group)
        medians = {
            key: np.median([run.curves[key][:last] for run in group], axis=0).round(5)
            for key in _CURVES
        }
        frames.append(pd.DataFrame({"cell": cell, "dist": method, **medians}))
    return pd.concat(frames)


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
