"""Optimizers turn a direction into a step, and know nothing of where it came from."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from noise_exp.objective import Evaluation, Objective, chunks


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


class Optimizer(Protocol):
    """What training asks of every optimizer."""

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, moment: Moment
    ) -> Evaluation | None:
        """Move `parameters` in place along `direction`, both (n_parameters,).

        `direction` may be overwritten. Returns the measure at the new parameters, where it has
        been taken.
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
        _require_range(self, 0, math.inf, "lr", "dropped_lr")
        if self.drop_epoch is not None and self.drop_epoch < 0:
            raise ValueError(f"drop_epoch must be at least 0 or null, got {self.drop_epoch}")

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        dropped = self.drop_epoch is not None and moment.epoch >= self.drop_epoch
        direction *= self.dropped_lr if dropped else self.lr
        parameters += direction


@dataclass
class Momentum:
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

    def __post_init__(self) -> None:
        _require_range(self, 0, math.inf, "lr")
        _require_range(self, 0, 1, "momentum")
        self._velocity: np.ndarray | None = None

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        if self._velocity is None:
            self._velocity = np.zeros_like(parameters)
        velocity = self._velocity
        lr = _decayed(self.lr, self.decay, moment)

        def move(chunk: slice) -> None:
            velocity[chunk] *= self.momentum
            velocity[chunk] += direction[chunk]
            np.multiply(velocity[chunk], lr, out=direction[chunk])
            parameters[chunk] += direction[chunk]

        moment.objective.workers.map(move, chunks(len(parameters)))


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
        _require_range(self, 0, math.inf, "lr")
        _require_range(self, 0, 1, "beta1", "beta2")
        self._steps = 0

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> None:
        """Move `parameters` in place; `direction` is overwritten by the step."""
        if self._steps == 0:
            self._mean, self._square = np.zeros_like(parameters), np.zeros_like(parameters)
        self._steps += 1
        lr = _decayed(self.lr, self.decay, moment) / (1 - self.beta1**self._steps)
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


@dataclass
class HillClimb:
    """A (1+1) evolution strategy: a step is kept if it does not raise the cost.

    The step's length follows the one-fifth success rule (Rechenberg 1973) in the form of Kern et
    al., *Learning probability distributions in continuous evolutionary algorithms* (2004): times
    a after a success, divided by a^(1/4) after a failure, so that it stands still when one trial
    in five succeeds. The direction gives the step its shape, not its length.

    Attributes
    ----------
    scale
        Length of the first trial: root mean square change of a parameter.
    adaptation
        The factor a, above 1.
    """

    scale: float
    adaptation: float

    def __post_init__(self) -> None:
        _require_range(self, 0, math.inf, "scale")
        if not 1 < self.adaptation < math.inf:
            raise ValueError(f"adaptation must be finite and above 1, got {self.adaptation}")
        self._scale = self.scale

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> Evaluation:
        """Move `parameters` in place or leave them; `direction` is overwritten by the trial."""
        here = _measured(parameters, moment)
        there = _try(parameters, direction, self._scale, moment)
        if _improves(there, here):
            np.copyto(parameters, direction)
            self._scale *= self.adaptation
            return there
        self._scale *= self.adaptation**-0.25
        return here


@dataclass
class Annealing:
    """Metropolis steps at a temperature that falls (Kirkpatrick, Gelatt and Vecchi 1983).

    A trial that raises the cost by D is kept with probability exp(-D / T). T falls by the same
    factor in equal shares of the training, and the trials' length with its square root, as the
    thermal motion does. The direction gives the step its shape, not its length.

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

    def __post_init__(self) -> None:
        _require_range(self, 0, math.inf, "scale", "temperature")
        if not 0 < self.cooling <= 1:
            raise ValueError(f"cooling must be above 0 and at most 1, got {self.cooling}")

    def step(self, parameters: np.ndarray, direction: np.ndarray, moment: Moment) -> Evaluation:
        """Move `parameters` in place or leave them; `direction` is overwritten by the trial."""
        fallen = self.cooling**moment.progress
        here = _measured(parameters, moment)
        there = _try(parameters, direction, self.scale * math.sqrt(fallen), moment)
        threshold = moment.chance.random()
        rise = there.cost - here.cost
        temperature = self.temperature * fallen
        if _improves(there, here) or (
            temperature > 0 and threshold < math.exp(-rise / temperature)
        ):
            np.copyto(parameters, direction)
            return there
        return here


def _require_range(part: Any, low: float, high: float, *keys: str) -> None:
    """Raise ValueError unless each number is at least `low` and below `high`."""
    for key in keys:
        value = getattr(part, key)
        if not (math.isfinite(value) and low <= value < high):
            below = f" and below {high}" if math.isfinite(high) else ""
            raise ValueError(f"{key} must be a finite number of at least {low}{below}, got {value}")


def _decayed(lr: float, decay: bool, moment: Moment) -> float:
    return lr * (1 - moment.progress) if decay else lr


def _measured(parameters: np.ndarray, moment: Moment) -> Evaluation:
    evaluation = moment.evaluation
    return evaluation if evaluation.exact else moment.objective.evaluate(parameters)


def _try(
    parameters: np.ndarray, direction: np.ndarray, length: float, moment: Moment
) -> Evaluation:
    """Overwrite the direction by parameters a step of root mean square `length` away; measure."""

    def energy(chunk: slice) -> float:
        return float(np.vdot(direction[chunk], direction[chunk]))

    parts = moment.objective.workers.map(energy, chunks(len(direction)))
    spread = math.sqrt(sum(parts) / len(direction))
    if spread > 0 and math.isfinite(spread):
        direction *= length / spread
    direction += parameters
    return moment.objective.evaluate(direction)


def _improves(there: Evaluation, here: Evaluation) -> bool:
    """Whether to prefer `there`; a cost that is not a number is worse than any."""
    return there.cost <= here.cost or (math.isnan(here.cost) and not math.isnan(there.cost))
