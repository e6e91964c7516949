"""noise_exp itself, its roofline, and the article's way."""

import numpy as np
from threadpoolctl import threadpool_limits

from noise_exp.training import Trial, article
from noise_exp.training.data import live_pixels
from studies.article_way import article_way
from studies.benchmarks.problem import Train


def prepare(trial: Trial) -> Train:
    """Return a function that trains for a number of epochs."""
    records = trial.train()  # one training, which the calls go on with: no set-up is timed

    def run(epochs: int) -> float:
        for _ in range(epochs):
            cost = next(records).cost
        return cost

    return run


def prepare_products(trial: Trial) -> Train:
    """Return the roofline: an epoch's matrix products alone, on the live pixels, by plain matmul.

    Of the forward pass; for back propagation of the backward pass too.
    """
    threads, backprop = trial.objective.workers.threads, trial.distribution is None
    weights = [w for w, _ in trial.objective.network.views(trial.trained)]
    images = trial.split.train_images[:, live_pixels(trial.split)]
    values = [np.ascontiguousarray(images)]
    for w in weights:
        values.append(np.arctan(values[-1] @ w))
    gradients, deltas = [np.empty_like(w) for w in weights], [np.empty_like(v) for v in values]

    def run(epochs: int) -> float:
        with threadpool_limits(threads, user_api="blas"):
            for _ in range(epochs):
                for below, w, above in zip(values, weights, deltas[1:], strict=False):
                    np.matmul(below, w, out=above)
                if backprop:
                    for i in reversed(range(len(weights))):
                        np.matmul(values[i].T, deltas[i + 1], out=gradients[i])
                        if i:
                            np.matmul(deltas[i + 1], weights[i].T, out=deltas[i])
        return np.nan

    return run


def prepare_article(trial: Trial) -> Train:
    """Return a function that trains for a number of epochs the article's way."""
    return article_way(
        trial.split.train_images,
        trial.split.train_labels,
        trial.network.views(trial.parameters),
        trial.distribution.name if trial.distribution else None,
        article.DROPPED_LR,
        article.SIGNAL,
        trial.objective.workers.threads,
    )
