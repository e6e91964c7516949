"""The article's plain steps."""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training import article
from noise_exp.training.optimizers import Stateless, StepContext, require_range


@dataclass(frozen=True)
class Vanilla(Stateless):
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

    lr: float = article.LR
    drop_epoch: int | None = article.DROP_EPOCH
    dropped_lr: float = article.DROPPED_LR
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "lr", "dropped_lr")
        require_range(self, 0, 1, "weight_decay")
        if self.drop_epoch is not None and self.drop_epoch < 0:
            raise ValueError(f"drop_epoch must be at least 0 or null, got {self.drop_epoch}")

    def step(self, parameters: np.ndarray, direction: np.ndarray, context: StepContext) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        direction *= self._lr(context)
        np.add(self.decayed(parameters, context), direction, out=parameters)

    def schedule(self, context: StepContext) -> float:
        """Return the learning rate as a share of the first."""
        return self._lr(context) / self.lr if self.lr else 1.0

    def _lr(self, context: StepContext) -> float:
        dropped = self.drop_epoch is not None and context.epoch >= self.drop_epoch
        return self.dropped_lr if dropped else self.lr
