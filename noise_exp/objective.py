"""The objective: a cost on images as a function of the parameters, with what it takes to descend.

Three ways to ask, from the least to the most told: the measure alone (`evaluate`), the exact
derivative along one direction (`directional_derivative`), and a derivative for every unit and
image (`assign_credit`), of which back propagation is one source and noise another.
"""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from noise_exp.costs import Cost, SquaredError
from noise_exp.network import Activations, Network, misclassified, row_groups, with_ones
from noise_exp.workers import ALONE, Workers

CHUNK = 2**16  # numbers of a vector that one thread works on at a time, in its core's own cache

Told = TypeVar("Told")


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
        Of shapes (images, inputs), in the network's dtype, and (images,): classes from 0 on.
    workers
        The threads to use.
    cost
        What is measured; the article's squared error by default.
    """

    def __init__(
        self,
        network: Network,
        images: np.ndarray,
        labels: np.ndarray,
        workers: Workers = ALONE,
        cost: Cost | None = None,
    ) -> None:
        self.network = network
        self.cost: Cost = cost or SquaredError()
        self.workers = workers
        self._all_images = with_ones(images)
        self._all_labels = labels
        self._all_targets = _targets(labels, network)
        self._image_passes = 0
        self._parts: list[np.ndarray] = []  # one gradient per group, made when first needed
        self._of_thread = threading.local()
        self.choose(None)

    @property
    def forward_passes(self) -> float:
        """What has been spent so far, in passes over all images; a backward pass counts two.

        The unit is the work of the matrix products of one forward pass over all images.
        """
        return self._image_passes / len(self._all_labels)

    def __len__(self) -> int:
        """Return how many images there are in all."""
        return len(self._all_labels)

    @property
    def batch_size(self) -> int:
        """How many images the next measures are taken on."""
        return len(self._labels)

    def choose(self, rows: np.ndarray | None) -> None:
        """Measure on these images only, given by their indices (batch,); None for all."""
        whole = rows is None
        self._images = self._all_images if whole else self._all_images[rows]
        self._labels = self._all_labels if whole else self._all_labels[rows]
        self._targets = self._all_targets if whole else self._all_targets[rows]
        self._groups = row_groups(len(self._labels))

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        """Measure at `parameters`, shape (n_parameters,)."""
        self._image_passes += self.batch_size
        matrices = self.network.matrices(parameters)

        def measure(rows: list[slice]) -> list[tuple[float, int]]:
            return [block.measure() for block in self._blocks(matrices, rows, light=True)]

        measured = self.workers.map(measure, self._groups)
        return self._evaluation(list(itertools.chain.from_iterable(measured)))

    def directional_derivative(
        self, parameters: np.ndarray, along: np.ndarray
    ) -> tuple[Evaluation, float]:
        """Measure at `parameters`, and dE/dt of E(parameters + t * along) at t = 0.

        By forward-mode differentiation (Griewank and Walther 2008, section 3.1), which counts
        like a backward pass. Both arguments: (n_parameters,).
        """
        self._image_passes += 3 * self.batch_size
        matrices, tangents = self.network.matrices(parameters), self.network.matrices(along)

        def differentiate(rows: list[slice]) -> list[tuple[tuple[float, int], float]]:
            blocks = self._blocks(matrices, rows)
            return [(block.measure(), block.derivative_along(tangents)) for block in blocks]

        found = list(itertools.chain.from_iterable(self.workers.map(differentiate, self._groups)))
        return self._evaluation([measure for measure, _ in found]), sum(d for _, d in found)

    def gradient(self, parameters: np.ndarray, out: np.ndarray) -> Evaluation:
        """Write dE/dw to `out` and measure at `parameters`, both (n_parameters,).

        By back propagation (Rumelhart, Hinton and Williams 1986).
        """
        evaluation, _ = self.assign_credit(parameters, out, Block.back_propagate)
        return evaluation

    def assign_credit(
        self, parameters: np.ndarray, out: np.ndarray, assign: Callable[["Block"], Told]
    ) -> tuple[Evaluation, list[Told]]:
        """Write the gradient that follows from a derivative for every unit and image to `out`.

        A weight's derivative is the sum over images of its input times its unit's delta, the
        derivative of the image's loss by what goes into the unit. `assign` finds the deltas of
        one block, after its forward pass and with about one more, and writes them to
        `block.deltas`; it is called once for each block, by several threads. Counts three: the
        forward pass, the other one, the products of inputs and deltas.

        Returns the measure at `parameters`, and what `assign` returned, in the images' order.
        """
        self._image_passes += 3 * self.batch_size
        matrices = self.network.matrices(parameters)
        while len(self._parts) < len(self._groups):
            self._parts.append(np.empty_like(out))
        parts = self._parts[: len(self._groups)]

        def propagate(
            group: tuple[list[slice], np.ndarray],
        ) -> list[tuple[tuple[float, int], Told]]:
            rows, part = group
            found = []
            for i, block in enumerate(self._blocks(matrices, rows)):
                measure = block.measure()
                found.append((measure, assign(block)))
                if i == 0:
                    block.write_gradient(part)
                else:
                    part += block.gradient()
            return found

        found = list(
            itertools.chain.from_iterable(
                self.workers.map(propagate, list(zip(self._groups, parts, strict=True)))
            )
        )
        self.workers.map(lambda chunk: _add_up(parts, out, chunk), chunks(len(out)))
        return self._evaluation([measure for measure, _ in found]), [told for _, told in found]

    def _blocks(
        self, matrices: list[np.ndarray], rows: list[slice], light: bool = False
    ) -> Iterator["Block"]:
        """Yield this thread's block, set to each of `rows` in turn."""
        block = getattr(self._of_thread, "block", None)
        needed = max(r.stop - r.start for r in rows)
        if block is None or block.capacity < needed or (block.light and not light):
            block = self._of_thread.block = Block(self.network, self.cost, needed, light)
        for r in rows:
            block.set(r, matrices, self._images[r], self._targets[r], self._labels[r])
            yield block

    def _evaluation(self, measured: list[tuple[float, int]]) -> Evaluation:
        losses, wrong = zip(*measured, strict=True)
        n = self.batch_size
        return Evaluation(sum(losses), self.cost.per_loss * sum(losses) / n, sum(wrong) / n)


class Block:
    """A thread's view of a few images, and the arrays it needs for them.

    Attributes
    ----------
    rows
        Where the block's images stand in the batch.
    activations
        The units' values; the first ``len(block)`` rows count.
    losses
        Each image's loss, shape (images,); after `measure`.
    deltas
        One array (images, units) per layer, hidden layers first: to be filled by whoever assigns
        credit.
    """

    def __init__(self, network: Network, cost: Cost, capacity: int, light: bool) -> None:
        self.capacity = capacity
        self.light = light
        self._network = network
        self._cost = cost
        self.activations = Activations(network, capacity, keep_sums=not light)
        self._second: Activations | None = None
        self._gradient: np.ndarray | None = None
        if not light:
            self._deltas = [np.empty((capacity, n), network.dtype) for n in network.sizes[1:]]

    def set(
        self,
        rows: slice,
        matrices: list[np.ndarray],
        images: np.ndarray,
        targets: np.ndarray,
        labels: np.ndarray,
    ) -> None:
        """Turn to other images."""
        self.rows, self.matrices = rows, matrices
        self._images, self._targets, self._labels = images, targets, labels
        if not self.light:
            self.deltas = [delta[: len(images)] for delta in self._deltas]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def measure(self) -> tuple[float, int]:
        """Run the network; return the sum of the losses and how many images are wrong."""
        outputs = self.activations.forward(self.matrices, self._images)
        self.losses = self._cost.losses(
            self.activations.output_sums[: len(self)], outputs, self._targets
        )
        wrong = misclassified(outputs, self._labels)
        return float(np.sum(self.losses, dtype=np.float64)), int(np.sum(wrong))

    def sums(self, layer: int) -> np.ndarray:
        """What goes into the units of a hidden layer, counted from 0, shape (images, units)."""
        return self.activations.sums[layer][: len(self)]

    def values(self, layer: int) -> np.ndarray:
        """What comes out of the units of a hidden layer, counted from 0, (images, units)."""
        return self.activations.values[layer][: len(self), :-1]

    def inverse_slope(self, layer: int) -> np.ndarray:
        """Return 1 + sum^2, one over the slope of a layer's arctan; it overwrites the sums."""
        sums = self.sums(layer)
        np.square(sums, out=sums)
        sums += 1
        return sums

    @property
    def output_sums(self) -> np.ndarray:
        """What goes into the output units, shape (images, outputs)."""
        return self.activations.output_sums[: len(self)]

    def output_deltas(self) -> np.ndarray:
        """Write the output units' own deltas, which nothing has to be propagated for."""
        self._cost.deltas(self.activations.output[: len(self)], self._targets, self.deltas[-1])
        return self.deltas[-1]

    def back_propagate(self) -> None:
        """Write the exact deltas."""
        delta = self.output_deltas()
        for layer in reversed(range(len(self.matrices) - 1)):
            above = self.matrices[layer + 1][:-1]
            delta = np.matmul(delta, above.T, out=self.deltas[layer])
            delta /= self.inverse_slope(layer)

    def perturb(self, noise: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Run the images once more with noise added to what goes into the hidden units.

        `noise`: one array (images, units) per hidden layer. Returns the output units' sums
        (images, outputs) and each image's loss (images,).
        """
        if self._second is None:
            self._second = Activations(self._network, self.capacity)
        n, second, below = len(self), self._second, self._images
        for layer, (matrix, xi) in enumerate(zip(self.matrices[:-1], noise, strict=True)):
            sums = second.sums[layer][:n]
            if layer == 0:
                np.add(self.sums(0), xi, out=sums)
            else:
                np.matmul(below, matrix, out=sums)
                sums += xi
            np.arctan(sums, out=sums)
            below = second.values[layer][:n]
        outputs = second.finish(self.matrices[-1], below)
        sums = second.output_sums[:n]
        return sums, self._cost.losses(sums, outputs, self._targets)

    def derivative_along(self, tangents: list[np.ndarray]) -> float:
        """Return the derivative of the loss along a change of the weights, one matrix a layer."""
        n, moved = len(self), None
        for layer, (matrix, tangent) in enumerate(zip(self.matrices, tangents, strict=True)):
            below = self._images if layer == 0 else self.activations.values[layer - 1][:n]
            change = below @ tangent
            if moved is not None:
                change += moved @ matrix[:-1]
            if layer < len(self.matrices) - 1:
                change /= self.inverse_slope(layer)
            moved = change
        return float(np.sum(self.output_deltas() * moved, dtype=np.float64))

    def write_gradient(self, out: np.ndarray) -> None:
        """Write the products of inputs and deltas to `out`, shape (n_parameters,)."""
        n = len(self)
        inputs = [self._images, *(values[:n] for values in self.activations.values)]
        for below, delta, gradient in zip(
            inputs, self.deltas, self._network.matrices(out), strict=True
        ):
            np.matmul(below.T, delta, out=gradient)

    def gradient(self) -> np.ndarray:
        """Return the products of inputs and deltas, (n_parameters,), overwritten by the next."""
        if self._gradient is None:
            self._gradient = np.empty(self._network.n_parameters, self._network.dtype)
        self.write_gradient(self._gradient)
        return self._gradient


def chunks(n: int) -> list[slice]:
    """Cut a vector of `n` numbers into pieces that stay in a core's own cache."""
    return [slice(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]


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
