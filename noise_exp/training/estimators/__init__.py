"""Estimators turn noise into a direction in which to move the parameters.

One file for each place the noise can go: onto the weights or onto the units. Directions that
estimate the negative gradient of the loss E (`noise_exp.training.network`) do so up to the noise's
second moment, which is 1 for a standard normal distribution.

Their classes are found by name, here and in `noise_exp.training`; here is what several share.
"""

import math
from typing import Any, Protocol, runtime_checkable

import numpy as np

from noise_exp.training.found import class_named
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Evaluation, Objective


class EstimatorState(Protocol):
    """What training asks in every step."""

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write a direction to `out` and return a measure of the objective.

        `parameters` and `out` have shape (n_parameters,); `parameters` is left as it was. The
        measure returned says whether it was taken at `parameters` (`Evaluation.exact`).
        """


@runtime_checkable
class FollowsSteps(Protocol):
    """The state of an estimator that asks for the steps that its directions became."""

    def stepped(self, step: np.ndarray, kept: np.ndarray) -> None:
        """Learn of a step, w <- kept * w + step; both (n_parameters,)."""


class Estimator(Protocol):
    """Settings, which never change; what one training needs beside them is made by `init`."""

    def check(self, network: Network) -> None:  # noqa: ARG002 (one that asks overrides it)
        """Raise ValueError if the estimator does not fit the network; unless it says, all do."""
        return

    def init(self, objective: Objective) -> EstimatorState:
        """Return what estimates in one training, and holds its state."""


class Stateless(Estimator, EstimatorState, Protocol):
    """An estimator that keeps nothing from step to step."""

    def init(self, objective: Objective) -> EstimatorState:  # noqa: ARG002 (nothing depends on it)
        """Return itself."""
        return self


def require_positive(part: Any, *keys: str) -> None:
    """Raise ValueError unless all these numbers are finite and above 0."""
    for key in keys:
        value = getattr(part, key)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{key} must be a finite number above 0, got {value}")


def __getattr__(name: str) -> Any:
    """Return an estimator by the name of its class, in whatever module of this package it is."""
    return class_named(name, __name__, Estimator)
