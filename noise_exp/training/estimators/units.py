"""Noise on the units: every image's sums are disturbed on their own.

One forward pass tests as many draws as there are images, and what is found for a unit serves all
the weights that lead into it: the variance grows with the units, not with the weights (Werfel,
Xie and Seung, *Learning curves for stochastic gradient descent in linear feedforward networks*,
2005).

The output units' own deltas are known: they follow from output and label without propagation.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators.protocol import (
    Estimating,
    Estimator,
    Stateless,
    require_positive,
)
from noise_exp.training.functions import arctan
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Evaluation, Objective


@dataclass(frozen=True)
class NodePerturbation(Stateless):
    """The change of each image's loss, times the noise on its units.

    Widrow and Lehr, *30 years of adaptive neural networks* (1990), "Madaline rule III", with
    noise on all hidden units at once; Werfel et al. (2005).

    Attributes
    ----------
    scale
        Of the noise on a unit's sum.
    """

    scale: float

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Delta of a hidden unit and image: (E(z + s xi) - E(z)) / s * xi; see `assign_credit`."""
        xis = _draw(noise, objective)

        def assign(block: Block) -> None:
            rows = [xi[block.rows] for xi in xis]
            for xi in rows:
                xi *= self.scale
            _, losses = block.perturb(rows)
            change = ((losses - block.losses) / self.scale**2)[:, None]
            for delta, xi in zip(block.deltas[:-1], rows, strict=True):
                np.multiply(change, xi, out=delta)
            block.output_deltas()

        evaluation, _ = objective.assign_credit(parameters, out, assign)
        np.negative(out, out=out)
        return evaluation


@dataclass(frozen=True)
class LearnedFeedback(Estimator):
    """Noise tells how the outputs answer to each hidden unit; errors go back along that.

    After Lansdell, Prakash and Kording, *Learning to solve the credit assignment problem* (2020),
    who fit feedback weights to what node perturbation finds. Here they are fitted to the answer
    of the output units' sums, a vector, by least mean squares (Widrow and Hoff 1960) with an
    intercept. What a unit passes on of its noise is bounded, so a law without moments does no
    harm; a law's mean moves all units together and slows the fit, or upsets it at a high rate,
    unless `repair` takes it away. A hidden unit's delta is the slope of its arctan times the
    output units' deltas, weighed by its feedback. Nothing passes backwards through a weight.

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

    def begin(self, objective: Objective) -> "Feedback":
        """Return feedback weights that know nothing yet."""
        return Feedback(self, objective.network)


class Feedback(Estimating):
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
        xis = _draw(noise, objective)

        def assign(block: Block) -> _Answers:
            rows = [xi[block.rows] for xi in xis]
            for xi in rows:
                xi *= self._settings.scale
            answer = block.perturb(rows)[0] - block.output_sums
            passed = rows  # in place: what each unit passes on of its noise
            for layer, xi in enumerate(passed):
                if layer == 0:  # nothing below is disturbed: that is what `perturb` computed
                    np.subtract(block.perturbed_values(0), block.values(0), out=xi)
                else:
                    xi += block.sums(layer)
                    arctan(xi, out=xi)
                    xi -= block.values(layer)
                answer -= xi @ self.weights[layer].T
            output_deltas = block.output_deltas()
            for layer, feedback in enumerate(self.weights):
                np.matmul(output_deltas, feedback, out=block.deltas[layer])
                block.deltas[layer] /= block.inverse_slope(layer)
            return _Answers.of(answer, passed)

        evaluation, answers = objective.assign_credit(parameters, out, assign)
        self._fit(answers, objective.batch_size)
        np.negative(out, out=out)
        return evaluation

    def _fit(self, answers: list["_Answers"], n: int) -> None:
        total = answers[0]
        for other in answers[1:]:
            total.add(other)
        means = [passed / n for passed in total.passed]
        variances = [e / n - np.square(m) for e, m in zip(total.energy, means, strict=True)]
        largest = [float(np.max(variance, initial=0)) for variance in variances]
        # Saturated units pass on nothing and do not count.
        units = sum(float(np.sum(v)) / m for v, m in zip(variances, largest, strict=True) if m > 0)
        for layer, feedback in enumerate(self.weights):
            if largest[layer] > 0:
                # Independent noise's covariance over n images has no eigenvalue above about
                # 2 (1 + units / n) times the largest variance (Marchenko and Pastur 1967).
                step = self._settings.rate / largest[layer] / (n + units)
                feedback += step * (total.products[layer] - np.outer(total.open, means[layer]))


@dataclass
class _Answers:
    """Sums over images of what a fit needs.

    `open` (outputs,) is the part of the answer that the feedback does not explain; for each hidden
    layer `passed` and `energy` (units,) are what its units pass on of their noise and its square,
    `products` (outputs, units) those of both.
    """

    open: np.ndarray
    passed: list[np.ndarray]
    energy: list[np.ndarray]
    products: list[np.ndarray]

    @classmethod
    def of(cls, unexplained: np.ndarray, passed: list[np.ndarray]) -> "_Answers":
        return cls(
            unexplained.sum(axis=0),
            [p.sum(axis=0) for p in passed],
            [np.einsum("ij,ij->j", p, p) for p in passed],
            [unexplained.T @ p for p in passed],
        )

    def add(self, other: "_Answers") -> None:
        self.open += other.open
        for mine, its in zip(
            itertools.chain(self.passed, self.energy, self.products),
            itertools.chain(other.passed, other.energy, other.products),
            strict=True,
        ):
            mine += its


def _draw(noise: Noise, objective: Objective) -> list[np.ndarray]:
    """Draw noise for every hidden unit and image of the batch, one (images, units) a layer."""
    hidden, n = objective.network.sizes[1:-1], objective.batch_size
    flat = np.empty(n * sum(hidden), objective.network.dtype)
    noise.fill(flat)
    ends = itertools.accumulate(n * units for units in hidden)
    return [
        flat[end - n * units : end].reshape(n, units)
        for end, units in zip(ends, hidden, strict=True)
    ]
