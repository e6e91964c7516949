"""Noise on the weights in the form of matrices of low rank, for many members at once."""

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from noise_exp.training.estimators.protocol import Stateless, require_positive
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective


class Images(Enum):
    """On which images of a batch the members of a population are measured."""

    own = "own"
    all = "all"


@dataclass(frozen=True)
class LowRankES(Stateless):
    """A population whose members differ from the weights by products of two noise matrices.

    Sarkar et al., *Evolution strategies at the hyperscale* (2025), "EGGROLL". A member adds
    s / sqrt(r) * A B' to a layer's weights and biases, with A (units below + 1, r) and B (units,
    r) of noise. Its images are multiplied by the weights that all members share, and by the two
    small matrices, so a population costs what its images cost. Members come in antithetic pairs.
    Noise of mean 0 and variance 1 makes the entries of A B' uncorrelated, and the direction an
    estimate of the negative gradient without other bias than that of the finite s.

    Attributes
    ----------
    scale
        s: the population's spread, in units of the noise.
    pairs
        Half the population.
    rank
        r: of the products.
    images
        `own`: each pair is measured on its own share of the batch, for two forward passes in all.
        `all`: each on all images, for two passes a pair.
    """

    scale: float
    pairs: int
    rank: int = 1
    images: Images = Images.own

    def __post_init__(self) -> None:
        require_positive(self, "scale", "pairs", "rank")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Direction: -(E(+) - E(-)) / 2s * A B' / sqrt(r), a sum over shares, a mean over all."""
        n, network = objective.batch_size, objective.network
        own = self.images is Images.own
        pairs = min(self.pairs, n) if own else self.pairs
        shapes = [(pairs, self.rank, m) for shape in network.shapes() for m in shape]
        drawn = draw(noise, shapes, network.dtype)
        factors = list(zip(drawn[::2], drawn[1::2], strict=True))
        shares = np.arange(n) * pairs // n if own else None
        root = math.sqrt(self.rank)
        evaluation, differences = objective.evaluate_pairs(
            parameters, factors, self.scale / root, shares
        )
        each = -2 * self.scale * root * (1 if own else pairs)
        objective.add_up_products(differences / each, factors, out)
        return evaluation
