"""Optimizers turn a direction into a step, and know nothing of where it came from.

Each has a module of its own. Their classes are found by name, here and in `noise_exp.training`;
here is what several share.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from noise_exp.training.found import class_named
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.workers import chunks


@dataclass(frozen=True)
class StepContext:
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
    frozen
        The parts of the parameters that keep their values.
    """

    objective: Objective
    evaluation: Evaluation
    epoch: int
    progress: float
    chance: np.random.Generator
    frozen: Sequence[slice] = ()


class OptimizerState(Protocol):
    """What training asks in every step."""

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, context: StepContext
    ) -> Evaluation | None:
        """Move `parameters` in place along `direction`, both (n_parameters,).

        `direction` may be overwritten. Returns the measure at the new parameters, where it has
        been taken.
        """


class Optimizer(Protocol):
    """Settings, which never change; what one training needs beside them is made by `init`.

    Attributes
    ----------
    weight_decay
        Share of every parameter, 0 to below 1, that a step takes away beside its direction, times
        the schedule: decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2). One that
        has the key takes it in its `step`, by `decayed`.
    """

    weight_decay: float = 0.0

    def init(self, parameters: np.ndarray) -> OptimizerState:
        """Return what steps in one training, and holds its state; parameters (n_parameters,)."""

    def schedule(self, context: StepContext) -> float:  # noqa: ARG002 (one that falls overrides it)
        """Return the learning rate as a share of the first."""
        return 1.0

    def kept(self, context: StepContext) -> float:
        """Return the share of a parameter that a step keeps."""
        return 1 - self.weight_decay * self.schedule(context)

    def decayed(self, parameters: np.ndarray, context: StepContext) -> np.ndarray:
        """Return the parameters (n_parameters,) after weight decay: themselves if there is none."""
        if not self.weight_decay:
            return parameters
        shrunk = parameters * parameters.dtype.type(self.kept(context))
        for part in context.frozen:
            shrunk[part] = parameters[part]
        return shrunk


class Stateless(Optimizer, OptimizerState, Protocol):
    """An optimizer that keeps nothing from step to step."""

    def init(self, parameters: np.ndarray) -> OptimizerState:  # noqa: ARG002 (there is no state)
        """Return itself."""
        return self


def require_range(part: Any, low: float, high: float, *keys: str) -> None:
    """Raise ValueError unless each number is at least `low` and below `high`."""
    for key in keys:
        value = getattr(part, key)
        if not (math.isfinite(value) and low <= value < high):
            below = f" and below {high}" if math.isfinite(high) else ""
            raise ValueError(f"{key} must be a finite number of at least {low}{below}, got {value}")


def measured(parameters: np.ndarray, context: StepContext) -> Evaluation:
    """Return the measure at `parameters`, taken now if the estimator took it around them."""
    evaluation = context.evaluation
    return evaluation if evaluation.exact else context.objective.evaluate(parameters)


def try_step(
    start: np.ndarray, direction: np.ndarray, length: float, context: StepContext
) -> Evaluation:
    """Overwrite the direction by parameters a step of root mean square `length` from the start.

    Returns the measure there.
    """

    def energy(chunk: slice) -> float:
        return float(np.vdot(direction[chunk], direction[chunk]))

    parts = context.objective.workers.map(energy, chunks(len(direction)))
    spread = math.sqrt(sum(parts) / len(direction))
    if spread > 0 and math.isfinite(spread):
        direction *= length / spread
    direction += start
    return context.objective.evaluate(direction)


def improves(there: Evaluation, here: Evaluation) -> bool:
    """Whether to prefer `there`; a cost that is not a number is worse than any."""
    return there.cost <= here.cost or (math.isnan(here.cost) and not math.isnan(there.cost))


def __getattr__(name: str) -> Any:
    """Return an optimizer by the name of its class, in whatever module of this package it is."""
    return class_named(name, __name__, Optimizer)
