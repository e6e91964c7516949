"""What training asks of optimizers, and what it tells them."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from noise_exp.training.objective import Evaluation, Objective


@dataclass(frozen=True)
class Moment:
    """Where training stands when a step is due.

    Attributes
    ----------
    objective
        What is trained on; it measures on the batch that the direction was found on.
    evaluation
        What the estimator measured.
    epoch
        Counted from 0.
    progress
        Share of the training that is over, 0 to 1.
    chance
        Decides what is left to chance.
    """

    objective: Objective
    evaluation: Evaluation
    epoch: int
    progress: float
    chance: np.random.Generator


class Stepping(Protocol):
    """What training asks in every step."""

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, moment: Moment
    ) -> Evaluation | None:
        """Move `parameters` in place along `direction`, both (n_parameters,).

        `direction` may be overwritten. Returns the measure at the new parameters, where it has
        been taken.
        """


class Optimizer(Protocol):
    """Settings, which never change; what one training needs beside them is made by `begin`."""

    def begin(self, parameters: np.ndarray) -> Stepping:
        """Return what steps in one training, and holds its state; parameters (n_parameters,)."""


def require_range(part: Any, low: float, high: float, *keys: str) -> None:
    """Raise ValueError unless each number is at least `low` and below `high`."""
    for key in keys:
        value = getattr(part, key)
        if not (math.isfinite(value) and low <= value < high):
            below = f" and below {high}" if math.isfinite(high) else ""
            raise ValueError(f"{key} must be a finite number of at least {low}{below}, got {value}")


def decayed(lr: float, decay: bool, moment: Moment) -> float:
    """Return the learning rate on its straight line to 0, if it is to decay."""
    return lr * (1 - moment.progress) if decay else lr
