"""Noise on the weights: one draw moves the whole network, on all images alike.

The variance of such an estimate grows with the number of weights (Werfel, Xie and Seung 2005).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from noise_exp.training.estimators import Stateless, require_positive
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Evaluation, Objective, mean_evaluation
from noise_exp.training.workers import chunks


@dataclass(frozen=True)
class Spsa(Stateless):
    r"""Two measures on either side, along the noise: weight perturbation.

    .. math:: d = -\frac{1}{m} \sum_{i=1}^m \frac{E(w + s \xi_i) - E(w - s \xi_i)}{2 s} \, \xi_i

    Spall, *Multivariate stochastic approximation using a simultaneous perturbation gradient
    approximation* (1992), in the random-direction form: the difference multiplies the noise,
    where Spall divides by it.

    Attributes
    ----------
    scale
        s: how far to either side, in units of the noise.
    samples
        m: pairs whose estimates are averaged; two forward passes each.
    """

    scale: float
    samples: int

    def __post_init__(self) -> None:
        require_positive(self, "scale", "samples")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction d."""
        measured: list[Evaluation] = []

        def weight(xi: np.ndarray) -> float:
            plus, minus = _either_side(objective, parameters, xi, self.scale)
            measured.extend((plus, minus))
            return (minus.loss - plus.loss) / (2 * self.scale * self.samples)

        _weigh(noise, self.samples, weight, out)
        return mean_evaluation(measured)


@dataclass(frozen=True)
class EvolutionStrategy(Stateless):
    r"""A population of antithetic pairs, weighted by the ranks of their costs.

    .. math:: d = -\frac{1}{2 p s} \sum_{i=1}^{2 p} r_i \xi_i, \qquad \xi_{p+i} = -\xi_i

    with ranks r from -1/2, the lowest loss, to 1/2.

    Salimans, Ho, Chen, Sidor and Sutskever, *Evolution strategies as a scalable alternative to
    reinforcement learning* (2017), section 2 and 2.1: centred ranks in place of the losses. Theirs
    move policies of games, with normal noise and virtual batch normalization, which is not here.
    Keeps `pairs` vectors of noise in memory.

    Attributes
    ----------
    scale
        s: the population's spread, in units of the noise.
    pairs
        p: half the population; two forward passes each.
    """

    scale: float
    pairs: int

    def __post_init__(self) -> None:
        require_positive(self, "scale", "pairs")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction d."""
        xis = np.empty((self.pairs, len(out)), out.dtype)
        measured: list[Evaluation] = []
        for xi in xis:
            noise.fill(xi)
            measured += _either_side(objective, parameters, xi, self.scale)
        weights = -_centred_ranks([e.loss for e in measured]) / (2 * self.pairs * self.scale)
        pulls = (weights[::2] - weights[1::2]).astype(out.dtype)
        objective.workers.map(
            lambda chunk: objective.products.matmul(pulls, xis[:, chunk], out=out[chunk]),
            chunks(len(out)),
        )
        return mean_evaluation(measured)


@dataclass(frozen=True)
class ForwardGradient(Stateless):
    r"""The exact derivative along the noise, times the noise.

    .. math:: d = -\frac{1}{m} \sum_{i=1}^m (\nabla E(w) \cdot \xi_i) \, \xi_i

    Baydin, Pearlmutter, Syme, Wood and Torr, *Gradients without backpropagation* (2022), who draw
    one normal direction a step; here it may be several, of any distribution.

    Attributes
    ----------
    samples
        m: draws whose estimates are averaged; about two forward passes each.
    """

    samples: int

    def __post_init__(self) -> None:
        require_positive(self, "samples")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction d."""
        measured: list[Evaluation] = []

        def weight(xi: np.ndarray) -> float:
            evaluation, derivative = objective.directional_derivative(parameters, xi)
            measured.append(evaluation)
            return -derivative / self.samples

        _weigh(noise, self.samples, weight, out)
        return measured[0]


def _weigh(
    noise: Noise, samples: int, weight: Callable[[np.ndarray], float], out: np.ndarray
) -> None:
    """Write the sum of draws, each times its weight, to `out`."""
    xi = out if samples == 1 else np.empty_like(out)
    for i in range(samples):
        noise.fill(xi)
        xi *= weight(xi)
        if xi is not out:
            np.add(out if i else 0, xi, out=out)


def _either_side(
    objective: Objective, parameters: np.ndarray, xi: np.ndarray, scale: float
) -> tuple[Evaluation, Evaluation]:
    moved = xi * scale
    moved += parameters
    plus = objective.evaluate(moved)
    np.subtract(parameters, moved, out=moved)
    moved += parameters
    return plus, objective.evaluate(moved)


def _centred_ranks(losses: list[float]) -> np.ndarray:
    """Ranks from -1/2 (lowest) to 1/2; equal losses share their mean rank, NaN is the worst."""
    finite = np.nan_to_num(np.array(losses), nan=np.inf, posinf=np.inf)
    _, inverse, counts = np.unique(finite, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts + 1) / 2)[inverse]
    return ranks / max(len(losses) - 1, 1) - 0.5 if len(ends) > 1 else np.zeros(len(losses))
