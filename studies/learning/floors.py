"""Floors: what is reached without training hidden layers, or parity would prove nothing."""

import numpy as np

from noise_exp.training.data import Split, live_pixels
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.trial import Trial


def logistic_regression(split: Split) -> float:
    """Test error rate, 0 to 1, of scikit-learn's logistic regression on the pixels."""
    from sklearn.linear_model import LogisticRegression  # a second

    live = live_pixels(split)
    model = LogisticRegression(max_iter=300).fit(split.train_images[:, live], split.train_labels)
    return float(np.mean(model.predict(split.test_images[:, live]) != split.test_labels))


def constant(split: Split) -> float:
    """Test error rate, 0 to 1, of the most frequent training label."""
    label = np.argmax(np.bincount(split.train_labels))
    return float(np.mean(split.test_labels != label))


def best_random(trial: Trial, scale: float, n: int, seed: int) -> float:
    """Test error rate, 0 to 1, of the best of `n` random networks by its training error rate.

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
    return trial.test().error_rate
