"""Errors go back along feedback weights with the forward weights' signs."""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from noise_exp.training.estimators import Estimator, require_positive
from noise_exp.training.estimators.feedback import FeedbackWeights, feedback_shapes
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Objective


class Magnitudes(Enum):
    """What the feedback weights' magnitudes are."""

    uniform = "uniform"
    random = "random"


@dataclass(frozen=True)
class SignSymmetry(Estimator):
    r"""Feedback weights have the signs of the forward weights, and magnitudes of their own.

    .. math:: B_\ell = \frac{s}{\sqrt{n_{\ell+1}}} \, |\xi_\ell| \odot \mathrm{sign}(W_{\ell+1})

    or 1 in the place of the noise's magnitudes.

    Liao, Leibo and Poggio, *How important is weight symmetry in backpropagation?* (2016): uniform
    sign-concordant feedback, and fixed random magnitudes; without their batch normalization, and
    with whatever optimizer, not their updates by sign.

    Attributes
    ----------
    scale
        s: the magnitudes are this over the root of how many lead to a unit, times 1 or the noise's.
    magnitudes
        `uniform`: all alike. `random`: of noise that is drawn once and for all.
    """

    scale: float
    magnitudes: Magnitudes = Magnitudes.uniform

    def __post_init__(self) -> None:
        require_positive(self, "scale")
        object.__setattr__(self, "magnitudes", Magnitudes(self.magnitudes))

    def init(self, objective: Objective) -> "SignedFeedback":  # noqa: ARG002 (noise comes later)
        """Return what draws the magnitudes with its first estimate."""
        return SignedFeedback(self)


class SignedFeedback(FeedbackWeights):
    """The state of `SignSymmetry`."""

    def __init__(self, settings: SignSymmetry) -> None:
        super().__init__()
        self._settings = settings
        self._magnitudes: list[np.ndarray] = []

    def renew(self, objective: Objective, parameters: np.ndarray, noise: Noise) -> None:
        """Take the signs of the forward weights."""
        network = objective.network
        if not self._magnitudes:
            shapes = feedback_shapes(network, direct=False)
            self._magnitudes = [np.ones(shape, network.dtype) for shape in shapes]
            if self._settings.magnitudes is Magnitudes.random:
                self._magnitudes = [np.abs(xi) for xi in draw(noise, shapes, network.dtype)]
            for magnitudes in self._magnitudes:
                magnitudes *= self._settings.scale / math.sqrt(len(magnitudes))
        self.weights = [
            magnitudes * np.sign(above[:-1].T)
            for magnitudes, above in zip(
                self._magnitudes, network.matrices(parameters)[1:], strict=True
            )
        ]
