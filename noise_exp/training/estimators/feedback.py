"""Errors go back along feedback weights of their own: learned from noise, or fixed and random.

The output units' own deltas are known: they follow from output and label without propagation.
"""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import Estimator, EstimatorState, require_positive
from noise_exp.training.estimators.units import adding, unit_noise
from noise_exp.training.functions import arctan
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.products import Products


@dataclass(frozen=True)
class FeedbackAlignment(Estimator):
    """Errors go back through fixed random weights, drawn from the distribution once and for all.

    Lillicrap, Cownden, Tweed and Akerman, *Random synaptic feedback weights support error
    backpropagation for deep learning* (2016); direct: Nokland, *Direct feedback alignment provides
    learning in deep neural networks* (2016). The floor of `LearnedFeedback`, which learns them.

    Attributes
    ----------
    scale
        The weights are this times the noise, over the root of how many lead to a unit.
    direct
        Whether errors go from the outputs to each hidden layer, or from layer to layer.
    """

    scale: float
    direct: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def init(self, objective: Objective) -> "FixedFeedback":  # noqa: ARG002 (noise comes later)
        """Return what draws the feedback weights with its first estimate."""
        return FixedFeedback(self)


class FixedFeedback(EstimatorState):
    """The state of `FeedbackAlignment`.

    Attributes
    ----------
    weights
        One array per hidden layer, (units above or outputs, units); empty before the first
        estimate.
    """

    def __init__(self, settings: FeedbackAlignment) -> None:
        self._settings = settings
        self.weights: list[np.ndarray] = []

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Delta of a hidden unit: slope * (fixed weights . deltas above); see `assign_credit`."""
        if not self.weights:
            _, *units = objective.network.sizes
            above = units[-1:] * (len(units) - 1) if self._settings.direct else units[1:]
            shapes = list(zip(above, units[:-1], strict=True))
            self.weights = draw(noise, shapes, objective.network.dtype)
            for weights in self.weights:
                weights *= self._settings.scale / math.sqrt(len(weights))

        def assign(block: Block) -> None:
            if self._settings.direct:
                block.send_back(self.weights)
            else:
                block.back_propagate(self.weights)

        evaluation, _ = objective.assign_credit(parameters, out, assign)
        np.negative(out, out=out)
        return evaluation


@dataclass(frozen=True)
class LearnedFeedback(Estimator):
    """Noise tells how the outputs answer to each hidden unit; errors go back along that.

    After Lansdell, Prakash and Kording, *Learning to solve the credit assignment problem* (2020),
    who fit feedback weights to what node perturbation finds. Here they are fitted to the answer
    of the logits, a vector, by least mean squares (Widrow and Hoff 1960) with an
    intercept. What a unit passes on of its noise is bounded, so a distribution without moments
    does no harm; a distribution's mean moves all units together and slows the fit, or upsets it at
    a high rate, unless a `NoiseTransform` takes it away. A hidden unit's delta is the slope of its
    arctan times the output units' deltas, weighed by its feedback. Nothing passes backwards through
    a weight.

    Attributes
    ----------
    scale
        Of the noise on a unit's sum.
    rate
        Of the fit, at most about 1 for noise without a mean.
    """

    scale: float
    rate: float

    def __post_init__(self) -> None:
        require_positive(self, "scale", "rate")

    def init(self, objective: Objective) -> "Feedback":
        """Return feedback weights that know nothing yet."""
        return Feedback(self, objective.network)


class Feedback(EstimatorState):
    """The state of `LearnedFeedback`.

    Attributes
    ----------
    weights
        One array (outputs, units) per hidden layer.
    """

    def __init__(self, settings: LearnedFeedback, network: Network) -> None:
        self._settings = settings
        *hidden, n_out = network.sizes[1:]
        self.weights = [np.zeros((n_out, n), network.dtype) for n in hidden]

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Delta of a hidden unit: slope * (feedback . output deltas); see `assign_credit`."""
        hidden = objective.network.sizes[1:-1]
        rows_of = unit_noise(noise, objective, hidden, self._settings.scale)

        def assign(block: Block) -> list[np.ndarray]:
            rows = rows_of(block)
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
            block.send_back(self.weights)
            return _sums(block.products, answer, passed)

        evaluation, answers = objective.assign_credit(parameters, out, assign)
        self._fit(objective.products, answers, objective.batch_size)
        np.negative(out, out=out)
        return evaluation

    def _fit(self, products: Products, answers: list[list[np.ndarray]], n: int) -> None:
        totals = [sum(parts[1:], start=parts[0]) for parts in zip(*answers, strict=True)]
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
