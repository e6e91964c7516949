"""A few images at a time: what one thread computes of them."""

import threading
from functools import cached_property

import numpy as np

from noise_exp.training.costs import Cost
from noise_exp.training.functions import arctan
from noise_exp.training.network import Activations, Network, misclassified


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
        if not light:
            self._deltas = [np.empty((capacity, n), network.dtype) for n in network.sizes[1:]]

    @cached_property
    def _second(self) -> Activations:
        return Activations(self._network, self.capacity)

    @cached_property
    def _gradient(self) -> np.ndarray:
        return np.empty(self._network.n_parameters, self._network.dtype)

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
        n, second, below = len(self), self._second, self._images
        for layer, (matrix, xi) in enumerate(zip(self.matrices[:-1], noise, strict=True)):
            sums = second.sums[layer][:n]
            if layer == 0:
                np.add(self.sums(0), xi, out=sums)
            else:
                np.matmul(below, matrix, out=sums)
                sums += xi
            arctan(sums, out=sums)
            below = second.values[layer][:n]
        outputs = second.finish(self.matrices[-1], below)
        sums = second.output_sums[:n]
        return sums, self._cost.losses(sums, outputs, self._targets)

    def perturbed_values(self, layer: int) -> np.ndarray:
        """What came out of a hidden layer, counted from 0, in `perturb`; (images, units)."""
        return self._second.values[layer][: len(self), :-1]

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
        self.write_gradient(self._gradient)
        return self._gradient


class Blocks:
    """One block for each thread, made when it is first needed and kept for the next time."""

    def __init__(self, network: Network, cost: Cost) -> None:
        self._network, self._cost = network, cost
        self._of_thread = threading.local()

    def of_thread(self, images: int, light: bool) -> Block:
        """Return this thread's block for so many images; a light one can only measure."""
        block = getattr(self._of_thread, "block", None)
        if block is None or block.capacity < images or (block.light and not light):
            block = self._of_thread.block = Block(self._network, self._cost, images, light)
        return block
