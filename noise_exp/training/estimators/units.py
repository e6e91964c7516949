"""Noise on the units: every image's preactivations are perturbed on their own.

One forward pass tests as many draws as there are images, and what is found for a unit serves all
the weights that lead into it: the variance grows with the units, not with the weights (Werfel,
Xie and Seung, *Learning curves for stochastic gradient descent in linear feedforward networks*,
2005).

The output units' own deltas follow from output and label without propagation; unless an estimator
says otherwise, they are known to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from noise_exp.training.block import Block, Perturbation
from noise_exp.training.estimators import Stateless, require_positive
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective


class Outputs(Enum):
    """Whether an estimator knows the output units' deltas."""

    known = "known"
    blind = "blind"


@dataclass(frozen=True)
class NodePerturbation(Stateless):
    r"""The change of each image's loss, times the noise on its units.

    .. math:: \delta = \frac{1}{m} \sum_{i=1}^m \frac{E(z + s \xi_i) - E(z)}{s} \, \xi_i

    is the delta of the units of an image, z what goes into them; the direction is minus the
    gradient that the deltas make.

    Widrow and Lehr, *30 years of adaptive neural networks* (1990), "Madaline rule III", with
    noise on all units at once; Werfel et al. (2005).

    Attributes
    ----------
    scale
        s: of the noise on a unit's pre-activation.
    outputs
        Whether the output units' deltas are known. Blind, the output units get noise like the
        others, and the feedback is one scalar per image and draw.
    samples
        m: draws per step. What they share, one pass without noise, the products of inputs and first
        weights, and those of inputs and deltas, is done once.
    """

    scale: float
    outputs: Outputs = Outputs.known
    samples: int = 1

    def __post_init__(self) -> None:
        require_positive(self, "scale", "samples")
        object.__setattr__(self, "outputs", Outputs(self.outputs))

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction that the deltas make."""
        _, *units = objective.network.sizes
        if self.outputs is Outputs.known:
            units.pop()

        def scalar(block: Block, rows: list[np.ndarray]) -> np.ndarray:
            _, losses = block.perturb(adding(rows))
            return (losses - block.losses) / self.scale**2

        draws = [unit_noise(noise, objective, units, self.scale) for _ in range(self.samples)]
        return _descend(objective, parameters, draws, scalar, out)


@dataclass(frozen=True)
class UnitForwardGradient(Stateless):
    r"""The exact derivative of each image's loss along the noise on its units, times the noise.

    .. math:: \delta = \frac{1}{m} \sum_{i=1}^m
        \left(\frac{\partial E}{\partial z} \cdot \xi_i\right) \xi_i

    is the delta of the hidden units of an image, z what goes into them.

    Ren, Kornblith, Liao and Hinton, *Scaling forward gradient with local losses* (2022), section
    3: forward gradient on the activities instead of the weights, here without their many local
    losses. What `NodePerturbation` finds as its scale goes to 0.

    Attributes
    ----------
    samples
        m: draws per step, as for `NodePerturbation`.
    """

    samples: int = 1

    def __post_init__(self) -> None:
        require_positive(self, "samples")

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Write the direction that the deltas make."""
        units = objective.network.sizes[1:-1]
        draws = [unit_noise(noise, objective, units) for _ in range(self.samples)]
        return _descend(objective, parameters, draws, Block.derivatives_along, out)


RowsOf = Callable[[Block], list[np.ndarray]]


def _descend(
    objective: Objective,
    parameters: np.ndarray,
    draws: list[RowsOf],
    scalar: Callable[[Block, list[np.ndarray]], np.ndarray],
    out: np.ndarray,
) -> Evaluation:
    """Write minus the gradient to `out`, units' deltas being a number per image times the noise.

    `scalar` gives this number for a block and its noise, (images,). Output units that get no noise
    get their own deltas. See `assign_credit`.
    """

    def assign(block: Block) -> None:
        for i, rows_of in enumerate(draws):
            rows = rows_of(block)
            number = (scalar(block, rows) / len(draws))[:, None]
            for delta, xi in zip(block.deltas, rows, strict=False):
                if i == 0:
                    np.multiply(number, xi, out=delta)
                else:
                    xi *= number
                    delta += xi
        if len(rows) < len(block.deltas):
            block.output_deltas()

    evaluation, _ = objective.assign_credit(parameters, out, assign)
    np.negative(out, out=out)
    return evaluation


def unit_noise(
    noise: Noise, objective: Objective, units: Sequence[int], scale: float = 1.0
) -> RowsOf:
    """Draw scale * noise for units and each image of the batch.

    Returns what takes a block's part of it, one (images, units) a layer: once for each block, whose
    thread scales it.
    """
    n = objective.batch_size
    xis = draw(noise, [(n, m) for m in units], objective.network.dtype)

    def rows_of(block: Block) -> list[np.ndarray]:
        rows = [xi[block.rows] for xi in xis]
        for xi in rows:
            xi *= scale
        return rows

    return rows_of


def adding(rows: list[np.ndarray]) -> Perturbation:
    """Add noise to what goes into the units: for each layer that gets it (images, units)."""

    def perturb(layer: int, below: np.ndarray, clean: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
        if layer < len(rows):
            np.add(clean, rows[layer], out=out)

    return perturb
