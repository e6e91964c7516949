"""noise_exp itself, put together as `noise_exp.run.experiment` does, and its roofline."""

from collections import deque

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from noise_exp.bench.problem import LR, SIGNAL, Problem, Train
from noise_exp.training.data import live_pixels
from noise_exp.training.estimators import CostScaled, Estimator, ExactGradient, Noise, Silence
from noise_exp.training.loop import Schedule, train
from noise_exp.training.network import Network
from noise_exp.training.noise import ARTICLE_LAWS, Law, Repair
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Vanilla
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.workers import Workers


def prepare(problem: Problem, method: str, threads: int) -> Train:
    """Return a function that trains for a number of epochs."""
    split, workers, live = problem.split, Workers(threads), live_pixels(problem.split)
    network, parameters = _live_network(problem, live)
    objective = Objective(network, split.train_images[:, live], split.train_labels, workers)
    streams = IndependentStreams(0, 0, 452)
    estimator: Estimator = ExactGradient()
    noise: Noise = Silence()
    if method != "backprop":
        estimator = CostScaled(list(SIGNAL), Repair.none)
        law = Law(method, **ARTICLE_LAWS[method])
        noise = streams.noise(law, network, workers)
    optimizer = Vanilla(LR, None, 0.0)

    def run(epochs: int) -> float:
        schedule = Schedule(epochs)
        records = train(objective, estimator, optimizer, noise, parameters, schedule, streams)
        return deque(records, maxlen=1).pop().cost

    return run


def prepare_products(problem: Problem, method: str, threads: int) -> Train:
    """Return the roofline: an epoch's matrix products alone, on the live pixels, by plain matmul.

    Of the forward pass; for ``backprop`` of the backward pass too.
    """
    live = live_pixels(problem.split)
    network, parameters = _live_network(problem, live)
    weights = [w for w, _ in network.views(parameters)]
    values = [np.ascontiguousarray(problem.split.train_images[:, live])]
    for w in weights:
        values.append(np.arctan(values[-1] @ w))
    gradients, deltas = [np.empty_like(w) for w in weights], [np.empty_like(v) for v in values]

    def run(epochs: int) -> float:
        with threadpool_limits(threads, user_api="blas"):
            for _ in range(epochs):
                for below, w, above in zip(values, weights, deltas[1:], strict=False):
                    np.matmul(below, w, out=above)
                if method == "backprop":
                    for i in reversed(range(len(weights))):
                        np.matmul(values[i].T, deltas[i + 1], out=gradients[i])
                        if i:
                            np.matmul(deltas[i + 1], weights[i].T, out=deltas[i])
        return np.nan

    return run


def kernel() -> str:
    """Return which BLAS NumPy uses, and its kernel for this processor."""
    blas = next(m for m in threadpool_info() if m["user_api"] == "blas")
    return f"{blas['internal_api']} {blas['version']}, {blas.get('architecture', 'unknown')} kernel"


def _live_network(problem: Problem, live: np.ndarray) -> tuple[Network, np.ndarray]:
    (w1, b1), *above = problem.layers
    sizes = (int(live.sum()), *(len(biases) for _, biases in problem.layers))
    network = Network(sizes, np.float32)
    parameters = np.empty(network.n_parameters, np.float32)
    given = [(w1[live], b1), *above]
    for (weights, biases), (w, b) in zip(network.views(parameters), given, strict=True):
        weights[...], biases[...] = w, b
    return network, parameters
