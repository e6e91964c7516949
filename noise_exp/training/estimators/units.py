"""Noise on the units: every image's sums are disturbed on their own.

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

from noise_exp.training.block import Block, Disturb
from noise_exp.training.estimators.protocol import Stateless, require_positive
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective


class Outputs(Enum):
    """What an estimator is told about the output units."""

    known = "known"
    blind = "blind"


@dataclass(frozen=True)
class NodePerturbation(Stateless):
    """The change of each image's loss, times the noise on its units.

    Widrow and Lehr, *30 years of adaptive neural networks* (1990), "Madaline rule III", with
    noise on all units at once; Werfel et al. (2005).

    Attributes
    ----------
    scale
        Of the noise on a unit's sum.
    outputs
        Whether the output units' deltas are known. Blind, the output units get noise like the
        others, and all that is told is one number per image.
    """

    scale: float
    outputs: Outputs = Outputs.known

    def __post_init__(self) -> None:
        require_positive(self, "scale")
        object.__setattr__(self, "outputs", Outputs(self.outputs))

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Delta of a unit and image: (E(z + s xi) - E(z)) / s * xi; see `assign_credit`."""
        _, *units = objective.network.sizes
        if self.outputs is Outputs.known:
            units.pop()
        rows_of = unit_noise(noise, objective, units, self.scale)

        def assign(block: Block) -> None:
            rows = rows_of(block)
            _, losses = block.perturb(adding(rows))
            change = ((losses - block.losses) / self.scale**2)[:, None]
            for delta, xi in zip(block.deltas, rows, strict=False):
                np.multiply(change, xi, out=delta)
            if self.outputs is Outputs.known:
                block.output_deltas()

        evaluation, _ = objective.assign_credit(parameters, out, assign)
        np.negative(out, out=out)
        return evaluation


@dataclass(frozen=True)
class UnitForwardGradient(Stateless):
    """The exact derivative of each image's loss along the noise on its units, times the noise.

    Ren, Kornblith, Liao and Hinton, *Scaling forward gradient with local losses* (2022), section
    3: forward gradient on the activities instead of the weights. What `NodePerturbation` finds as
    its scale goes to 0.
    """

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Delta of a hidden unit and image: (dE/dz . xi) * xi; see `assign_credit`."""
        rows_of = unit_noise(noise, objective, objective.network.sizes[1:-1])

        def assign(block: Block) -> None:
            rows = rows_of(block)
            derivative = block.derivatives_along(rows)[:, None]
            for delta, xi in zip(block.deltas[:-1], rows, strict=True):
                np.multiply(derivative, xi, out=delta)

        evaluation, _ = objective.assign_credit(parameters, out, assign)
        np.negative(out, out=out)
        return evaluation


def unit_noise(
    noise: Noise, objective: Objective, units: Sequence[int], scale: float = 1.0
) -> Callable[[Block], list[np.ndarray]]:
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


def adding(rows: list[np.ndarray]) -> Disturb:
    """Add noise to what goes into the units: for each layer that gets it (images, units)."""

    def disturb(layer: int, below: np.ndarray, clean: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG001
        if layer < len(rows):
            np.add(clean, rows[layer], out=out)

    return disturb
