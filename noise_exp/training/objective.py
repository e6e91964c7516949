"""The objective: a cost on images as a function of the parameters, with what it takes to descend.

Three ways to ask, from the least to the most feedback: the measure alone (`evaluate`), the exact
derivative along one direction (`directional_derivative`), and a derivative for every unit and
image (`assign_credit`), of which back propagation is one source and noise another.
"""

import copy
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.network import Cost, Network, SquaredError, row_groups, with_ones
from noise_exp.training.products import Products
from noise_exp.training.workers import ALONE, Workers, chunks

Found = TypeVar("Found")
WORK_UNIT = "multiply-adds of a forward pass"  # that `Objective.forward_passes` counts in
_HELD = 2**30  # bytes of pixels; of a larger set no second copy is made, but one of each batch


@dataclass(frozen=True)
class Evaluation:
    """A network measured on images.

    Attributes
    ----------
    loss
        E, the sum of the images' losses.
    cost
        The cost that is reported, a mean over images.
    error_rate
        Share of the images misclassified, 0 to 1.
    exact
        Whether it was measured at the parameters themselves, not around them.
    """

    loss: float
    cost: float
    error_rate: float
    exact: bool = True


def mean_evaluation(evaluations: list[Evaluation]) -> Evaluation:
    """Return the mean of measures taken around a point."""
    n = len(evaluations)
    return Evaluation(
        sum(e.loss for e in evaluations) / n,
        sum(e.cost for e in evaluations) / n,
        sum(e.error_rate for e in evaluations) / n,
        exact=False,
    )


class Objective:
    """The cost of a network on images, as a function of its parameters.

    The images are cut into groups of blocks (`row_groups`). A group is computed by one thread,
    block after block; the groups' parts of the loss and of the gradient are added in order.

    Parameters
    ----------
    network
        The network.
    images, labels
        Of shapes (images, pixels), in the network's dtype, and (images,): classes from 0 on.
    workers
        The threads to use.
    cost
        What is measured; the article's squared error by default.
    inputs
        Which pixels are the network's inputs, bool (pixels,); None for all.
    frozen
        Layers, from 0 at the input, whose gradient is not asked for: it is 0, and costs nothing.

    Attributes
    ----------
    products
        Makes the products that an estimator has beside those of the blocks.
    known
        The measure on the chosen images where training stands, if somebody has taken it already.
    """

    def __init__(
        self,
        network: Network,
        images: np.ndarray,
        labels: np.ndarray,
        workers: Workers = ALONE,
        cost: Cost | None = None,
        inputs: np.ndarray | None = None,
        frozen: Collection[int] = (),
    ) -> None:
        self.network = network
        self._frozen = frozen
        self.cost: Cost = cost or SquaredError()
        self.workers = workers
        self._pixels, self._inputs = images, inputs
        self._all = labels, _targets(labels, network)
        self._whole = self._multiplied(images) if images.nbytes <= _HELD else None
        self.products = Products()
        self._parts: list[np.ndarray] = []  # one gradient per group, made when first needed
        self._idle: list[Block] = []  # blocks that threads have at hand
        self.known: Evaluation | None = None
        self.choose(None)

    def fresh(self) -> "Objective":
        """Return the same measure, with a choice, a count and a known measure of its own."""
        mine = copy.copy(self)
        mine.products, mine._parts, mine._idle = Products(), [], []
        mine.choose(None)
        return mine

    @property
    def forward_passes(self) -> float:
        """What has been spent so far, in forward passes of the network over all images.

        It is the multiply-adds of all products, over those of the products of one such pass.
        """
        return self.products.multiply_adds / (self.network.n_parameters * len(self))

    def __len__(self) -> int:
        """Return how many images there are in all."""
        return len(self._pixels)

    @property
    def batch_size(self) -> int:
        """How many images the next measures are taken on."""
        return len(self._labels)

    def choose(self, rows: np.ndarray | None) -> None:
        """Measure on these images only, given by their indices (batch,); None for all."""
        self.known = None
        self._rows = rows
        self._images: np.ndarray | None = None
        self._labels, self._targets = (
            array if rows is None else array[rows] for array in self._all
        )
        self._groups = row_groups(len(self._labels))

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        """Measure at `parameters`, shape (n_parameters,)."""
        return self.sum_up(self.visit(parameters, Block.measure, light=True))

    def directional_derivative(
        self, parameters: np.ndarray, along: np.ndarray
    ) -> tuple[Evaluation, float]:
        """Measure at `parameters`, and dE/dt of E(parameters + t * along) at t = 0.

        By forward-mode differentiation (Griewank and Walther 2008, section 3.1). Both arguments:
        (n_parameters,).
        """
        tangents = self.network.matrices(along)

        def differentiate(block: Block) -> tuple[tuple[float, int], float]:
            return block.measure(), block.derivative_along(tangents)

        measured, derivatives = zip(*self.visit(parameters, differentiate), strict=True)
        return self.sum_up(measured), sum(derivatives)

    def gradient(self, parameters: np.ndarray, out: np.ndarray) -> Evaluation:
        """Write dE/dw to `out` and measure at `parameters`, both (n_parameters,).

        By back propagation (Rumelhart, Hinton and Williams 1986).
        """
        evaluation, _ = self.assign_credit(parameters, out, Block.back_propagate)
        return evaluation

    def assign_credit(
        self,
        parameters: np.ndarray,
        out: np.ndarray,
        assign: Callable[[Block], Found],
    ) -> tuple[Evaluation, list[Found]]:
        """Write the gradient that follows from a derivative for every unit and image to `out`.

        A weight's derivative is the sum over images of its input times its unit's delta, the
        derivative of the image's loss by what goes into the unit. `assign` finds the deltas of
        one block, after its forward pass, and writes them to `block.deltas`; it is called once for
        each block, by several threads.

        Returns the measure at `parameters`, and what `assign` returned, in the images' order.
        """
        matrices, images = self.network.matrices(parameters), self._chosen()
        while len(self._parts) < len(self._groups):
            self._parts.append(np.empty_like(out))
        parts = self._parts[: len(self._groups)]

        def propagate(group: int) -> list[tuple[tuple[float, int], Found]]:
            blocks = []
            for i, block in enumerate(self._turn_to(matrices, images, self._groups[group])):
                blocks.append((block.measure(), assign(block)))
                if i == 0:
                    block.write_gradient(parts[group])
                else:
                    parts[group] += block.gradient()
            return blocks

        blocks = itertools.chain(*self.workers.map(propagate, range(len(parts))))
        measured, found = zip(*blocks, strict=True)
        self.workers.map(lambda chunk: _add_up(parts, out, chunk), chunks(len(out)))
        return self.sum_up(measured), list(found)

    def visit(
        self,
        parameters: np.ndarray,
        look: Callable[[Block], Found],
        light: bool = False,
    ) -> list[Found]:
        """Return what `look` tells of each block of the chosen images, in their order.

        It is called once for each block, by several threads, before any forward pass; of a `light`
        block nothing but `Block.measure`.
        """
        matrices, images = self.network.matrices(parameters), self._chosen()

        def looks(rows: list[slice]) -> list[Found]:
            return [look(block) for block in self._turn_to(matrices, images, rows, light)]

        return list(itertools.chain(*self.workers.map(looks, self._groups)))

    def sum_up(
        self, measured: Iterable[tuple[float, int]], times: int = 1, exact: bool = True
    ) -> Evaluation:
        """Put the blocks' losses and numbers of wrong images together.

        `times`: how often each image was measured; `exact`: whether at the parameters themselves.
        """
        losses, wrong = zip(*measured, strict=True)
        images, loss = times * self.batch_size, sum(losses)
        return Evaluation(loss, self.cost.per_loss * loss / images, sum(wrong) / images, exact)

    def _chosen(self) -> np.ndarray:
        """Return the chosen images as the weights multiply them, (batch, inputs + 1)."""
        if self._rows is None:
            if self._whole is None:
                self._whole = self._multiplied(self._pixels)
            return self._whole
        if self._images is None:
            some = self._rows
            whole = self._whole
            self._images = self._multiplied(self._pixels[some]) if whole is None else whole[some]
        return self._images

    def _multiplied(self, pixels: np.ndarray) -> np.ndarray:
        return with_ones(pixels if self._inputs is None else pixels[:, self._inputs])

    def _turn_to(
        self,
        matrices: list[np.ndarray],
        images: np.ndarray,
        rows: list[slice],
        light: bool = False,
    ) -> Iterator[Block]:
        """Yield a block, set to each of `rows` in turn."""
        images_at_once = max(r.stop - r.start for r in rows)
        try:
            block = self._idle.pop()
        except IndexError:
            block = None
        if block is None or block.capacity < images_at_once or (block.light and not light):
            block = Block(
                self.network, self.cost, self.products, images_at_once, light, self._frozen
            )
        for r in rows:
            block.set(r, matrices, images[r], self._targets[r], self._labels[r])
            yield block
        self._idle.append(block)


def _add_up(parts: list[np.ndarray], out: np.ndarray, chunk: slice) -> None:
    np.copyto(out[chunk], parts[0][chunk])
    for part in parts[1:]:
        out[chunk] += part[chunk]


def _targets(labels: np.ndarray, network: Network) -> np.ndarray:
    """What the outputs should be, shape (images, outputs)."""
    n_out = network.sizes[-1]
    if n_out == 1:
        return labels[:, None].astype(network.dtype)
    return (labels[:, None] == np.arange(n_out)).astype(network.dtype)
