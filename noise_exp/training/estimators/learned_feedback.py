"""Errors go back along feedback weights that are learned from noise on the units."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import Estimator, require_positive
from noise_exp.training.estimators.feedback import FeedbackWeights, feedback_shapes
from noise_exp.training.estimators.units import adding, unit_noise
from noise_exp.training.functions import arctan
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Objective
from noise_exp.training.products import Products


@dataclass(frozen=True)
class LearnedFeedback(Estimator):
    r"""Noise tells how the outputs answer to each hidden unit; errors go back along that.

    .. math:: B_\ell \leftarrow B_\ell + \eta_\ell \sum (a - \sum_k B_k p_k)
        (p_\ell - m_\ell)^\top, \qquad \delta_\ell = f'(z_\ell) \odot B_\ell^\top \delta_L

    over the images: a is the change of an image's logits under the noise, p that of a layer's
    activations, and m the mean of p over the images.

    After Lansdell, Prakash and Kording, *Learning to solve the credit assignment problem* (2020),
    who fit feedback weights to what node perturbation finds; near to Bacho and Chu, *Low-variance
    forward gradients using direct feedback alignment and momentum* (2022), who average exact
    directional derivatives. Here the noise is finite, and feedback weights are fitted to the change
    of the logits, a vector for which no label is needed, by least mean squares (Widrow and Hoff
    1960) with an intercept. A hidden unit's delta is the slope of its arctan times the output
    units' deltas, weighted by its feedback. No error passes through a forward weight.

    What a unit passes on of its noise is bounded, so a distribution without moments does no harm; a
    distribution's mean moves all units together and slows the fit, or upsets it at a high rate,
    unless a `NoiseTransform` takes it away.

    Attributes
    ----------
    scale
        Of the noise on a unit's pre-activation.
    rate
        Of the fit, at most about 1 for noise without a mean.
    """

    scale: float
    rate: float

    def __post_init__(self) -> None:
        require_positive(self, "scale", "rate")

    def init(self, objective: Objective) -> "LearnedWeights":
        """Return feedback weights that know nothing yet."""
        return LearnedWeights(self, objective.network)


class LearnedWeights(FeedbackWeights):
    """The state of `LearnedFeedback`."""

    def __init__(self, settings: LearnedFeedback, network: Network) -> None:
        super().__init__(direct=True)
        self._settings = settings
        self._hidden = network.sizes[1:-1]
        self.weights = [np.zeros(s, network.dtype) for s in feedback_shapes(network, direct=True)]

    def renew(self, objective: Objective, parameters: np.ndarray, noise: Noise) -> None:  # noqa: ARG002
        """Draw the noise of a step."""
        self._rows_of = unit_noise(noise, objective, self._hidden, self._settings.scale)

    def assign(self, block: Block) -> list[np.ndarray]:
        """Write the deltas; return sums over images of what the fit needs."""
        rows = self._rows_of(block)
        answer = block.perturb(adding(rows))[0] - block.logits
        passed = rows  # in place: what each unit passes on of its noise
        for layer, xi in enumerate(passed):
            if layer == 0:  # nothing below is perturbed: that is what `perturb` computed
                np.subtract(block.perturbed_activations(0), block.activations(0), out=xi)
            else:
                xi += block.preactivations(layer)
                arctan(xi, out=xi)
                xi -= block.activations(layer)
            answer -= block.products.matmul(xi, self.weights[layer].T)
        super().assign(block)
        return _sums(block.products, answer, passed)

    def learn(self, credit: Sequence[list[np.ndarray]], objective: Objective) -> None:
        """Fit the feedback weights to the answers."""
        products, n = objective.products, objective.batch_size
        totals = [sum(parts[1:], start=parts[0]) for parts in zip(*credit, strict=True)]
        hidden = len(self.weights)
        unexplained, passed, energy, both = (
            totals[0], totals[1 : 1 + hidden], totals[1 + hidden : -hidden], totals[-hidden:]
        )  # fmt: skip
        means = [p / n for p in passed]
        variances = [e / n - np.square(m) for e, m in zip(energy, means, strict=True)]
        largest = [float(np.max(variance, initial=0)) for variance in variances]
        # Saturated units pass on nothing and do not count.
        units = sum(float(np.sum(v)) / m for v, m in zip(variances, largest, strict=True) if m > 0)
        for layer, feedback in enumerate(self.weights):
            if largest[layer] > 0:
                # Independent noise's covariance over n images has no eigenvalue above about
                # 2 (1 + units / n) times the largest variance (Marchenko and Pastur 1967).
                step = self._settings.rate / largest[layer] / (n + units)
                feedback += step * (
                    both[layer] - products.einsum("i,j->ij", unexplained, means[layer])
                )


def _sums(
    products: Products, unexplained: np.ndarray, passed: list[np.ndarray]
) -> list[np.ndarray]:
    """Sums over images of what a fit needs.

    First (outputs,) of the part of the answer that the feedback does not explain; then for each
    hidden layer (units,) of what its units pass on of their noise; then of its squares; then
    (outputs, units) of both products.
    """
    return [
        unexplained.sum(axis=0),
        *(p.sum(axis=0) for p in passed),
        *(products.einsum("ij,ij->j", p, p) for p in passed),
        *(products.matmul(unexplained.T, p) for p in passed),
    ]
