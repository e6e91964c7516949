"""The heavy ball."""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training.optimizers import (
    Optimizer,
    OptimizerState,
    StepContext,
    require_range,
)
from noise_exp.training.workers import chunks


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Steps along a running sum of directions, the heavy ball (Polyak 1964).

    v <- momentum * v + d, w <- w + lr * v.

    Attributes
    ----------
    lr
        Learning rate at the start.
    momentum
        Share of the running sum that is kept, 0 to below 1.
    decay
        Whether the learning rate falls in a straight line to 0 at the end of training.
    """

    lr: float
    momentum: float
    decay: bool
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "lr")
        require_range(self, 0, 1, "momentum", "weight_decay")

    def init(self, parameters: np.ndarray) -> OptimizerState:
        """Return a ball at rest."""
        return _Ball(self, np.zeros_like(parameters))

    def schedule(self, context: StepContext) -> float:
        """Return the learning rate as a share of the first."""
        return 1 - context.progress if self.decay else 1.0


@dataclass
class _Ball:
    settings: Momentum
    velocity: np.ndarray

    def step(self, parameters: np.ndarray, direction: np.ndarray, context: StepContext) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        velocity, momentum = self.velocity, self.settings.momentum
        lr = self.settings.lr * self.settings.schedule(context)
        start = self.settings.decayed(parameters, context)

        def move(chunk: slice) -> None:
            velocity[chunk] *= momentum
            velocity[chunk] += direction[chunk]
            np.multiply(velocity[chunk], lr, out=direction[chunk])
            np.add(start[chunk], direction[chunk], out=parameters[chunk])

        context.objective.workers.map(move, chunks(len(parameters)))
