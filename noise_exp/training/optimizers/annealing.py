"""A step that raises the cost is kept now and then, the later the less."""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training.objective import Evaluation
from noise_exp.training.optimizers import (
    Stateless,
    StepContext,
    improves,
    measured,
    require_range,
    try_step,
)


@dataclass(frozen=True)
class Annealing(Stateless):
    r"""Metropolis steps at a temperature that falls (Kirkpatrick, Gelatt and Vecchi 1983).

    .. math:: P = \min(1, e^{-D / T})

    is the probability that a trial which raises the cost by D is kept. T falls by the same
    factor in equal shares of the training, and the trials' length with its square root, as the
    thermal motion does. The direction gives the step its shape, not its length. Theirs place and
    wire circuits by discrete moves; here a move is noise on all weights, measured on a batch.

    Attributes
    ----------
    scale
        Length of the first trial: root mean square change of a parameter.
    temperature
        At the start, in units of the cost.
    cooling
        The last temperature as a share of the first, above 0 and at most 1.
    """

    scale: float
    temperature: float
    cooling: float
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "scale", "temperature")
        require_range(self, 0, 1, "weight_decay")
        if not 0 < self.cooling <= 1:
            raise ValueError(f"cooling must be above 0 and at most 1, got {self.cooling}")

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, context: StepContext
    ) -> Evaluation:
        """Move `parameters` in place or leave them; `direction` is overwritten by the trial."""
        fallen = self.cooling**context.progress
        here = measured(parameters, context)
        start = self.decayed(parameters, context)
        there = try_step(start, direction, self.scale * math.sqrt(fallen), context)
        threshold = context.chance.random()
        rise = there.cost - here.cost
        temperature = self.temperature * fallen
        if improves(there, here) or (temperature > 0 and threshold < math.exp(-rise / temperature)):
            np.copyto(parameters, direction)
            return there
        return here
