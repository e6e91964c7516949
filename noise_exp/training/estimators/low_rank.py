"""Noise on the weights in the form of matrices of low rank, for many members at once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from noise_exp.training.block import Block, Perturbation
from noise_exp.training.estimators import Stateless, require_positive
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.products import Products

Factors = tuple[np.ndarray, np.ndarray]
"""A and B of all pairs for one layer: (pairs, rank, units below + 1) and (pairs, rank, units)."""
_ROWS = 256  # of a matrix, that one thread computes at a time


class Images(Enum):
    """On which images of a batch the members of a population are measured."""

    own = "own"
    all = "all"


@dataclass(frozen=True)
class LowRankES(Stateless):
    r"""A population whose members differ from the weights by products of two noise matrices.

    .. math:: d = -\frac{1}{\sqrt r} \sum_{i=1}^p \frac{E_i(+) - E_i(-)}{2 s} \, A_i B_i^\top

    with the losses of each pair on its own share of the batch.

    Sarkar et al., *Evolution strategies at the hyperscale* (2025), "EGGROLL". A member adds
    s / sqrt(r) A B' to a layer's weights and biases, with A (units below + 1, r) and B (units,
    r) of noise. Its images are multiplied by the weights that all members share, and by the two
    small matrices, so a population costs what its images cost. Members come in antithetic pairs.
    Noise of mean 0 and variance 1 makes the entries of A B' uncorrelated, and the direction an
    estimate of the negative gradient without other bias than that of the finite s.

    Attributes
    ----------
    scale
        s: the population's spread, in units of the noise.
    pairs
        p: half the population.
    rank
        r: of the products.
    images
        `own`: each pair is measured on its own share of the batch. `all`: each on all images, and
        the direction is a mean over pairs.
    """

    scale: float
    pairs: int
    rank: int = 1
    images: Images = Images.own

    def __post_init__(self) -> None:
        require_positive(self, "scale", "pairs", "rank")
        object.__setattr__(self, "images", Images(self.images))

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction d."""
        n, network = objective.batch_size, objective.network
        own = self.images is Images.own
        pairs = min(self.pairs, n) if own else self.pairs
        shapes = [(pairs, self.rank, m) for shape in network.shapes() for m in shape]
        drawn = draw(noise, shapes, network.dtype)
        factors = list(zip(drawn[::2], drawn[1::2], strict=True))
        shares = np.arange(n) * pairs // n if own else None
        root = math.sqrt(self.rank)
        evaluation, differences = either_side(
            objective, parameters, factors, self.scale / root, shares
        )
        each = -2 * self.scale * root * (1 if own else pairs)
        _add_up(objective, differences / each, factors, out)
        return evaluation


def either_side(
    objective: Objective,
    parameters: np.ndarray,
    factors: Sequence[Factors],
    scale: float,
    shares: np.ndarray | None,
) -> tuple[Evaluation, np.ndarray]:
    """Measure on either side of `parameters`, for many pairs at once.

    A pair adds scale * sum over r of a_r b_r', or takes it away. `shares`, shape (batch,), says
    which pair an image is measured with; None: with each.

    Returns the mean measure, and for each pair the difference of the losses, (pairs,).
    """
    pairs, _, _ = factors[0][0].shape
    rounds: list[np.ndarray | int] = list(range(pairs)) if shares is None else [shares]

    def measure(block: Block) -> tuple[tuple[float, int], np.ndarray]:
        differences, loss, wrong = np.zeros(pairs), 0.0, 0
        block.start_perturbing()
        for pair in rounds:
            mine = pair if isinstance(pair, int) else pair[block.rows]
            for sign in (1, -1):
                _, losses = block.perturb(_moving(block.products, factors, sign * scale, mine))
                each = np.bincount(np.broadcast_to(mine, losses.shape), losses, pairs)
                differences += sign * each
                loss += float(np.sum(each))
                wrong += block.perturbed_wrong()
        return (loss, wrong), differences

    times = 2 * len(rounds)
    measured, differences = zip(*objective.visit(parameters, measure), strict=True)
    return objective.sum_up(measured, times, exact=False), np.sum(differences, axis=0)


def _moving(
    products: Products, factors: Sequence[Factors], scale: float, pair: np.ndarray | int
) -> Perturbation:
    """Move the weights along products of low rank: those of a pair, or of each image's own pair."""

    def perturb(layer: int, below: np.ndarray, clean: np.ndarray, out: np.ndarray) -> None:
        a, b = factors[layer]
        if isinstance(pair, int):
            change = products.matmul(products.matmul(below, a[pair].T), b[pair])
        else:
            change = np.zeros_like(out)
            for r in range(a.shape[1]):
                inner = products.einsum("ij,ij->i", below, a[pair, r])
                change += products.einsum("i,ij->ij", inner, b[pair, r])
        change *= scale
        np.add(clean, change, out=out)

    return perturb


def _add_up(
    objective: Objective, weights: np.ndarray, factors: Sequence[Factors], out: np.ndarray
) -> None:
    """Write the sum over pairs of weight * sum over r of a_r b_r' to `out`, (n_parameters,)."""
    pairs, rank, _ = factors[0][0].shape
    flat = [[f.reshape(pairs * rank, -1) for f in both] for both in factors]
    each = np.repeat(weights, rank).astype(out.dtype)[:, None]
    matrices = objective.network.matrices(out)

    def multiply(piece: tuple[int, slice]) -> None:
        layer, rows = piece
        a, b = flat[layer]
        objective.products.matmul((a[:, rows] * each).T, b, out=matrices[layer][rows])

    objective.workers.map(multiply, [
        (layer, slice(i, i + _ROWS)) for layer, matrix in enumerate(matrices)
        for i in range(0, len(matrix), _ROWS)
    ])  # fmt: skip
