"""What training asks of estimators, and what estimators ask of noise."""

import math
from typing import Any, Protocol

import numpy as np

from noise_exp.training.network import Network
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Evaluation, Objective


class Noise(Protocol):
    """A source of noise."""

    def fill(self, out: np.ndarray) -> None:
        """Fill `out`, one-dimensional and of any length, with fresh independent draws."""


class Estimator(Protocol):
    """What training asks of every estimator.

    Attributes
    ----------
    repair
        What is done to the law's draws before the estimator sees them.
    """

    repair: Repair

    def check(self, network: Network) -> None:  # noqa: ARG002 (one that asks overrides it)
        """Raise ValueError if the estimator does not fit the network; unless it says, all do."""
        return

    def estimate(
        self,
        objective: Objective,
        parameters: np.ndarray,
        noise: Noise,
        known: Evaluation | None,
        out: np.ndarray,
    ) -> Evaluation:
        """Write a direction to `out` and return a measure of the objective.

        `parameters` and `out` have shape (n_parameters,); `parameters` is left as it was.
        `known` is the measure at `parameters`, where somebody has taken it already. The measure
        returned says whether it was taken at `parameters` (`Evaluation.exact`).
        """


def require_positive(part: Any, *keys: str) -> None:
    """Raise ValueError unless all these numbers are finite and above 0."""
    for key in keys:
        value = getattr(part, key)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{key} must be a finite number above 0, got {value}")
