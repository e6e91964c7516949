"""Adam."""

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
class Adam(Optimizer):
    """Steps of about lr in every parameter (Kingma and Ba 2015, algorithm 1).

    Attributes
    ----------
    lr
        Learning rate at the start.
    beta1, beta2
        Share that the running means of d and d^2 keep, 0 to below 1.
    decay
        Whether the learning rate falls in a straight line to 0 at the end of training.
    """

    lr: float
    beta1: float
    beta2: float
    decay: bool
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "lr")
        require_range(self, 0, 1, "beta1", "beta2", "weight_decay")

    def init(self, parameters: np.ndarray) -> OptimizerState:
        """Return running means of nothing."""
        return _Means(self, np.zeros_like(parameters), np.zeros_like(parameters))

    def schedule(self, context: StepContext) -> float:
        """Return the learning rate as a share of the first."""
        return 1 - context.progress if self.decay else 1.0


@dataclass
class _Means:
    settings: Adam
    mean: np.ndarray
    square: np.ndarray
    steps: int = 0

    def step(self, parameters: np.ndarray, direction: np.ndarray, context: StepContext) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        settings = self.settings
        beta1, beta2 = settings.beta1, settings.beta2
        self.steps += 1
        lr = settings.lr * settings.schedule(context) / (1 - beta1**self.steps)
        root = math.sqrt(1 - beta2**self.steps)
        start = settings.decayed(parameters, context)

        def move(chunk: slice) -> None:
            d, mean, square = direction[chunk], self.mean[chunk], self.square[chunk]
            mean *= beta1 / (1 - beta1)
            mean += d
            mean *= 1 - beta1
            np.square(d, out=d)
            square *= beta2 / (1 - beta2)
            square += d
            square *= 1 - beta2
            np.sqrt(square, out=d)
            d *= 1 / root
            d += 1e-8
            np.divide(mean, d, out=d)
            d *= lr
            np.add(start[chunk], d, out=parameters[chunk])

        context.objective.workers.map(move, chunks(len(parameters)))
