"""Baselines: what is reached without training hidden layers, or parity would prove nothing."""

from typing import Any

import numpy as np

from noise_exp.training.data import Split, live_pixels
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.trial import Trial

_NEIGHBOURS = range(1, 16, 2)


def logistic_regression(split: Split) -> int:
    """Return test images wrong by scikit-learn's logistic regression on the pixels."""
    from sklearn.linear_model import LogisticRegression  # a second

    return _wrong(LogisticRegression(max_iter=300), split)


def nearest_neighbours(split: Split, validation: Split) -> tuple[int, int]:
    """Return how many neighbours do best on validation images, and test images wrong with them."""
    from sklearn.neighbors import KNeighborsClassifier

    k = min(_NEIGHBOURS, key=lambda k: _wrong(KNeighborsClassifier(k), validation))
    return k, _wrong(KNeighborsClassifier(k), split)


def constant(split: Split) -> int:
    """Return test images wrong by the most frequent training label."""
    label = np.argmax(np.bincount(split.train_labels))
    return int(np.sum(split.test_labels != label))


def best_random(trial: Trial, scale: float, n: int, seed: int) -> int:
    """Return test images wrong by the best of `n` random networks by its training error rate.

    `scale`: standard deviation of their parameters. They cost `n` forward passes; the trial ends
    with the best of them.
    """
    best, lowest = trial.trained.copy(), np.inf
    streams = IndependentStreams(init=seed, data=0, noise=0)
    for _ in range(n):
        parameters = streams.initial_parameters(trial.network, scale)[trial.kept]
        rate = trial.objective.evaluate(parameters).error_rate
        if rate < lowest:
            best, lowest = parameters, rate
    trial.trained[:] = best
    return trial.test().errors


def _wrong(model: Any, split: Split) -> int:
    live = live_pixels(split)
    model.fit(split.train_images[:, live], split.train_labels)
    return int(np.sum(model.predict(split.test_images[:, live]) != split.test_labels))
