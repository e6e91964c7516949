"""The training loop."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from noise_exp.estimators import Estimator, Noise
from noise_exp.network import Objective
from noise_exp.optimizers import Optimizer


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: what was measured before its update, and what was spent up to its end.

    Attributes
    ----------
    epoch
        Counted from 0.
    cost
        Mean squared error over the training images.
    train_error_rate
        Share of the training images misclassified, 0 to 1.
    train_seconds
        Time spent in training since its start, in seconds; the caller's time is left out.
    forward_passes
        Passes over the training images since the start; a backward pass counts two.
    """

    epoch: int
    cost: float
    train_error_rate: float
    train_seconds: float
    forward_passes: int


def train(
    objective: Objective,
    estimator: Estimator,
    optimizer: Optimizer,
    noise: Noise,
    parameters: np.ndarray,
    epochs: int,
) -> Iterator[EpochRecord]:
    """Train `parameters`, shape (n_parameters,), in place; yield a record after every epoch."""
    direction = np.empty_like(parameters)
    seconds = 0.0
    for epoch in range(epochs):
        start = perf_counter()
        # A law with heavy tails may overflow the network: that is a result, not an error.
        with np.errstate(over="ignore", invalid="ignore"):
            evaluation = estimator.estimate(objective, parameters, noise, direction)
            optimizer.step(parameters, direction, epoch)
        seconds += perf_counter() - start
        yield EpochRecord(
            epoch, evaluation.cost, evaluation.error_rate, seconds, objective.forward_passes
        )
