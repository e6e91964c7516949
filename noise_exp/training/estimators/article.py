"""The article's two ways: noise scaled by the cost, and the exact gradient."""

import math
from dataclasses import dataclass, field

import numpy as np

from noise_exp.training import article
from noise_exp.training.estimators import Stateless
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Evaluation, Objective


@dataclass(frozen=True)
class CostScaled(Stateless):
    r"""Noise scaled by the cost that was measured before it was drawn (Seo 2018).

    .. math:: d_\ell = a_\ell \, C(w) \, \xi_\ell

    with one signal a for each layer.

    Attributes
    ----------
    signal
        One factor per layer, from the input on; the article's are 1, 0.1 and 0.01. A single one
        is for every layer.
    """

    signal: list[float] = field(default_factory=lambda: list(article.SIGNAL))

    def __post_init__(self) -> None:
        for value in self.signal:
            if not math.isfinite(value):
                raise ValueError(f"signal must hold finite numbers, got {list(self.signal)}")

    def check(self, network: Network) -> None:
        """Raise ValueError unless there is one signal per layer, or one for all."""
        if len(self.signal) not in (1, network.layers):
            raise ValueError(
                f"signal must hold one number for each of the network's {network.layers} layers, "
                f"or one for all, got {list(self.signal)}"
            )

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction d."""
        evaluation = objective.known or objective.evaluate(parameters)
        noise.fill(out)
        layers = objective.network.layer_slices()
        signals = self.signal * len(layers) if len(self.signal) == 1 else self.signal
        for layer, signal in zip(layers, signals, strict=True):
            out[layer] *= signal * evaluation.cost
        return evaluation


class ExactGradient(Stateless):
    r"""The exact negative gradient of the loss: the article's method n.

    .. math:: d = -\nabla E(w)
    """

    def estimate(
        self,
        objective: Objective,
        parameters: np.ndarray,
        noise: Noise,  # noqa: ARG002 (no noise is drawn)
        out: np.ndarray,
    ) -> Evaluation:
        """Write the direction d."""
        evaluation = objective.gradient(parameters, out)
        np.negative(out, out=out)
        return evaluation
