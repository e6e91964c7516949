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

from noise_exp.estimators.protocol import Noise, require_positive
from noise_exp.network import Network
from noise_exp.noise import Repair
from noise_exp.objective import Block, Evaluation, Objective


@dataclass
class NodePerturbation:
    """The change of each image's loss, times the noise on its units.

    Widrow and Lehr, *30 years of adaptive neural networks* (1990), "Madaline rule III", with
    noise on all hidden units at once; Werfel et al. (2005).

    Attributes
    ----------
    scale
        Of the noise on a unit's sum.
    repair
        What is done to the law's draws first.
    """

    scale: float
    repair: Repair

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def check(self, network: Network) -> None:
        """Fits every network."""

    def estimate(
        self,
        objective: Objective,
        parameters: np.ndarray,
        noise: Noise,
        known: Evaluation | None,  # noqa: ARG002 (the units' values are needed anyway)
        out: np.ndarray,
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


@dataclass
class LearnedFeedback:
    """Noise tells how the outputs answer to each hidden unit; errors go back along that.

    After Lansdell, Prakash and Kording, *Learning to solve the credit assignment problem* (2020),
    who fit feedback weights to what node perturbation finds. Here they are fitted to the answer
    of the output units' sums, a vector, by least mean squares (Widrow and Hoff 1960) with an
    intercept: so a law's mean does no harm, and a law without moments neither, since what a unit
    passes on of its noise is bounded. A hidden unit's delta is the slope of its arctan times the
    output units' deltas, weighed by its feedback. Nothing passes backwards through a weight.

    Attributes
    ----------
    scale
        Of the noise on a unit's sum.
    rate
        Of the fit; above about 1 it may become unstable.
    repair
        What is done to the law's draws first.
    """

    scale: float
    rate: float
    repair: Repair

    def __post_init__(self) -> None:
        require_positive(self, "scale", "rate")
        self._feedback: list[np.ndarray] = []  # one (outputs, units) per hidden layer

    def check(self, network: Network) -> None:
        """Fits every network."""

    def estimate(
        self,
        objective: Objective,
        parameters: np.ndarray,
        noise: Noise,
        known: Evaluation | None,  # noqa: ARG002 (the units' values are needed anyway)
        out: np.ndarray,
    ) -> Evaluation:
        """Delta of a hidden unit: slope * (feedback . output deltas); see `assign_credit`."""
        *hidden, n_out = objective.network.sizes[1:]
        if not self._feedback:
            self._feedback = [np.zeros((n_out, n), out.dtype) for n in hidden]
        xis = _draw(noise, objective)

        def assign(block: Block) -> _Answers:
            rows = [xi[block.rows] for xi in xis]
            for xi in rows:
                xi *= self.scale
            answer = block.perturb(rows)[0] - block.output_sums
            passed = rows  # in place: what each unit passes on of its noise
            for layer, xi in enumerate(passed):
                xi += block.sums(layer)
                np.arctan(xi, out=xi)
                xi -= block.values(layer)
                answer -= xi @ self._feedback[layer].T
            output_deltas = block.output_deltas()
            for layer, feedback in enumerate(self._feedback):
                np.matmul(output_deltas, feedback, out=block.deltas[layer])
                block.deltas[layer] /= block.steepness(layer)
            return _Answers.of(answer, passed)

        evaluation, answers = objective.assign_credit(parameters, out, assign)
        self._fit(answers, objective.batch_size)
        np.negative(out, out=out)
        return evaluation

    def _fit(self, answers: list["_Answers"], n: int) -> None:
        total = answers[0]
        for other in answers[1:]:
            total.add(other)
        units = sum(len(passed) for passed in total.passed)
        for layer, feedback in enumerate(self._feedback):
            mean = total.passed[layer] / n
            energy = total.energy[layer] / n - float(np.sum(np.square(mean)))  # of all its units
            if energy > 0:
                # The largest eigenvalue of n draws' covariance in so many dimensions is within
                # 2 (1 + units / n) of the mean one: the step is stable.
                step = self.rate * len(mean) / energy / (n + units)
                feedback += step * (total.products[layer] - np.outer(total.left, mean))


@dataclass
class _Answers:
    """Sums over images of what a fit needs: `left` is the answer that the feedback leaves open."""

    left: np.ndarray
    passed: list[np.ndarray]
    energy: list[float]
    products: list[np.ndarray]

    @classmethod
    def of(cls, left: np.ndarray, passed: list[np.ndarray]) -> "_Answers":
        return cls(
            left.sum(axis=0),
            [p.sum(axis=0) for p in passed],
            [float(np.vdot(p, p)) for p in passed],
            [left.T @ p for p in passed],
        )

    def add(self, other: "_Answers") -> None:
        self.left += other.left
        for mine, its in zip(
            itertools.chain(self.passed, self.products),
            itertools.chain(other.passed, other.products),
            strict=True,
        ):
            mine += its
        self.energy = [a + b for a, b in zip(self.energy, other.energy, strict=True)]


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
