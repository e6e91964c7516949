"""Errors go back along feedback weights that mirror the forward weights, by noise."""

from dataclasses import dataclass

import numpy as np

from noise_exp.training.estimators import Estimator, require_positive
from noise_exp.training.estimators.feedback import FeedbackWeights
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Objective


@dataclass(frozen=True)
class WeightMirror(Estimator):
    r"""Noise in a layer, and what it makes of the next, tell the weights between them.

    .. math:: B_\ell \leftarrow B_\ell + \rho \left( \sum_{i=1}^m W_{\ell+1} \xi_i \xi_i^\top
        - B_\ell \right)

    Akrout, Wilson, Humphreys, Lillicrap and Tweed, *Deep learning without weight transport*
    (2019), section 3. The images are left out: in a mirroring of its own before each step, every
    hidden layer gets noise instead of activities, and the product of noise and answer, of mean
    W' for independent noise of variance 1, is added to a running mean. Here the answer is what
    goes into the units above, so it is linear; and a unit's noise has length 1 over the draws, so
    that the feedback weights have the forward weights' own size, whatever the distribution.

    Attributes
    ----------
    rate
        rho: of the running mean, above 0 and at most 1.
    samples
        m: draws per step, at least 2: their mean is taken away.
    """

    rate: float
    samples: int

    def __post_init__(self) -> None:
        require_positive(self, "rate")
        if self.rate > 1:
            raise ValueError(f"rate must be at most 1, got {self.rate}")
        if self.samples < 2:
            raise ValueError(f"samples must be at least 2, got {self.samples}")

    def init(self, objective: Objective) -> "MirroredFeedback":  # noqa: ARG002 (noise comes later)
        """Return a mirror that has seen nothing."""
        return MirroredFeedback(self)


class MirroredFeedback(FeedbackWeights):
    """The state of `WeightMirror`."""

    def __init__(self, settings: WeightMirror) -> None:
        super().__init__()
        self._settings = settings

    def renew(self, objective: Objective, parameters: np.ndarray, noise: Noise) -> None:
        """Mirror the forward weights once more."""
        network = objective.network
        shapes = [(self._settings.samples, units) for units in network.sizes[1:-1]]
        draws = draw(noise, shapes, network.dtype)

        def mirror(layer: int) -> np.ndarray:
            xi, above = draws[layer], network.matrices(parameters)[layer + 1]
            xi -= xi.mean(axis=0)
            lengths = np.linalg.norm(xi, axis=0)
            np.divide(xi, lengths, out=xi, where=lengths > 0)
            answer = objective.products.matmul(xi, above[:-1])
            return objective.products.matmul(answer.T, xi)

        seen = objective.workers.map(mirror, range(len(draws)))
        if not self.weights:
            self.weights = seen
            return
        for weights, new in zip(self.weights, seen, strict=True):
            weights += self._settings.rate * (new - weights)
