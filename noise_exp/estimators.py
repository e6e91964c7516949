"""Estimators turn noise into a direction in which to move the parameters."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from noise_exp.network import Evaluation, Network, Objective


class Noise(Protocol):
    """A source of noise in the shape of a network's parameters."""

    def fill(self, out: np.ndarray) -> None:
        """Fill `out`, shape (n_parameters,), with fresh independent draws."""


class Silence:
    """The noise of a method that needs none."""

    def fill(self, out: np.ndarray) -> None:
        """Fill `out` with zeros."""
        out.fill(0)


class Estimator(Protocol):
    """What training asks of every estimator."""

    def check(self, network: Network) -> None:
        """Raise ValueError if the estimator does not fit the network."""

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write a direction to `out` and return the objective's measure at `parameters`.

        `parameters` and `out` have shape (n_parameters,); `parameters` is left as it was.
        """


@dataclass
class CostScaled:
    """Noise scaled by the cost that was measured before it was drawn (Seo 2018).

    Attributes
    ----------
    signal
        One factor per layer, from the input on; the article's are 1, 0.1 and 0.01.
    """

    signal: list[float]

    def __post_init__(self) -> None:
        for value in self.signal:
            if not math.isfinite(value):
                raise ValueError(f"signal must hold finite numbers, got {list(self.signal)}")

    def check(self, network: Network) -> None:
        """Raise ValueError unless there is one signal per layer."""
        if len(self.signal) != network.layers:
            raise ValueError(
                f"signal must hold one number for each of the network's {network.layers} layers, "
                f"got {list(self.signal)}"
            )

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Direction: signal * cost * noise."""
        evaluation = objective.evaluate(parameters)
        noise.fill(out)
        for layer, signal in zip(objective.network.layer_slices(), self.signal, strict=True):
            out[layer] *= signal * evaluation.cost
        return evaluation


class ExactGradient:
    """The exact negative gradient of 1/2 * sum of squared errors: the article's method n."""

    def check(self, network: Network) -> None:
        """Fits every network."""

    def estimate(
        self,
        objective: Objective,
        parameters: np.ndarray,
        noise: Noise,  # noqa: ARG002 (no noise is drawn)
        out: np.ndarray,
    ) -> Evaluation:
        """Direction: -gradient."""
        evaluation = objective.gradient(parameters, out)
        np.negative(out, out=out)
        return evaluation
