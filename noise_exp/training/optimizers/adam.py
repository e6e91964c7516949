"""Adam."""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training.optimizers.protocol import Moment, decayed, require_range
from noise_exp.training.workers import chunks


@dataclass
class Adam:
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

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "lr")
        require_range(self, 0, 1, "beta1", "beta2")
        self._steps = 0

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        if self._steps == 0:
            self._mean, self._square = np.zeros_like(parameters), np.zeros_like(parameters)
        self._steps += 1
        lr = decayed(self.lr, self.decay, moment) / (1 - self.beta1**self._steps)
        root = math.sqrt(1 - self.beta2**self._steps)

        def move(chunk: slice) -> None:
            d, mean, square = direction[chunk], self._mean[chunk], self._square[chunk]
            mean *= self.beta1 / (1 - self.beta1)
            mean += d
            mean *= 1 - self.beta1
            np.square(d, out=d)
            square *= self.beta2 / (1 - self.beta2)
            square += d
            square *= 1 - self.beta2
            np.sqrt(square, out=d)
            d *= 1 / root
            d += 1e-8
            np.divide(mean, d, out=d)
            d *= lr
            parameters[chunk] += d

        moment.objective.workers.map(move, chunks(len(parameters)))
