"""Optimizers turn a direction into a step, and know nothing of where it came from."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np


class Optimizer(Protocol):
    """What training asks of every optimizer."""

    def step(self, parameters: np.ndarray, direction: np.ndarray, epoch: int) -> None:
        """Move `parameters` in place along `direction`, both (n_parameters,).

        `direction` may be overwritten. `epoch` counts from 0.
        """


@dataclass
class Vanilla:
    """Plain steps, w <- w + lr * d, with the article's single drop of the learning rate.

    Attributes
    ----------
    lr
        Learning rate of the first epochs.
    drop_epoch
        The first epoch with `dropped_lr`; None for no drop.
    dropped_lr
        Learning rate from `drop_epoch` on.
    """

    lr: float
    drop_epoch: int | None
    dropped_lr: float

    def __post_init__(self) -> None:
        for key in ("lr", "dropped_lr"):
            value = getattr(self, key)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{key} must be a finite number of at least 0, got {value}")
        if self.drop_epoch is not None and self.drop_epoch < 0:
            raise ValueError(f"drop_epoch must be at least 0 or null, got {self.drop_epoch}")

    def step(self, parameters: np.ndarray, direction: np.ndarray, epoch: int) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        dropped = self.drop_epoch is not None and epoch >= self.drop_epoch
        direction *= self.dropped_lr if dropped else self.lr
        parameters += direction
