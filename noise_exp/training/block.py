"""A few images at a time: what one thread computes of them."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np

from noise_exp.training.functions import arctan
from noise_exp.training.network import Cost, Layers, Network, misclassified
from noise_exp.training.products import Products


class Perturbation(Protocol):
    """Perturbs what goes into the units of a layer."""

    def __call__(self, layer: int, below: np.ndarray, clean: np.ndarray, out: np.ndarray) -> None:
        """Write the perturbed preactivations of a layer, counted from 0, to `out`, (images, units).

        `clean` are those without, which may be `out` itself; `below` (images, units below + 1)
        is what the weights were multiplied with, its last column being 1.
        """


class Block:
    """A thread's view of a few images, and the arrays it needs for them.

    Attributes
    ----------
    products
        Makes its products, of which an estimator may have some of its own.
    rows
        Where the block's images stand in the batch.
    losses
        Each image's loss, shape (images,); after `measure`.
    deltas
        One array (images, units) per layer, hidden layers first: to be filled by whoever assigns
        credit.
    """

    def __init__(
        self,
        network: Network,
        cost: Cost,
        products: Products,
        capacity: int,
        light: bool,
        frozen: Collection[int] = (),
    ) -> None:
        self.products = products
        self.capacity = capacity
        self.light = light
        self._network = network
        self._cost = cost
        self._trained = [layer for layer in range(network.layers) if layer not in frozen]
        self._layers = Layers(network, capacity, products, differentiable=not light)
        if not light:
            self._deltas = [np.empty((capacity, n), network.dtype) for n in network.sizes[1:]]

    @cached_property
    def _second(self) -> Layers:
        return Layers(self._network, self.capacity, self.products)

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
        outputs = self._layers.forward(self.matrices, self._images)
        self.losses = self._cost.losses(self._layers.logits[: len(self)], outputs, self._targets)
        wrong = misclassified(outputs, self._labels)
        return float(np.sum(self.losses, dtype=np.float64)), int(np.sum(wrong))

    def preactivations(self, layer: int) -> np.ndarray:
        """What goes into the units of a hidden layer, counted from 0, shape (images, units)."""
        return self._layers.preactivations[layer][: len(self)]

    def activations(self, layer: int) -> np.ndarray:
        """What comes out of the units of a hidden layer, counted from 0, (images, units)."""
        return self._layers.activations[layer][: len(self), :-1]

    def inverse_slope(self, layer: int) -> np.ndarray:
        """Return 1 + z^2, one over the slope of a layer's arctan; it overwrites these."""
        z = self.preactivations(layer)
        np.square(z, out=z)
        z += 1
        return z

    @property
    def logits(self) -> np.ndarray:
        """What goes into the output units, shape (images, outputs)."""
        return self._layers.logits[: len(self)]

    def output_deltas(self) -> np.ndarray:
        """Write the output units' own deltas, which nothing has to be propagated for."""
        self._cost.deltas(self._layers.output[: len(self)], self._targets, self.deltas[-1])
        return self.deltas[-1]

    def back_propagate(self, feedback_weights: Sequence[np.ndarray] | None = None) -> None:
        """Write the exact deltas or, with feedback weights of their own, what stands for them.

        `feedback_weights`: for each hidden layer an array (units above, units) in the place of the
        transposed weights above.
        """
        if feedback_weights is None:
            feedback_weights = [above[:-1].T for above in self.matrices[1:]]
        delta = self.output_deltas()
        lowest = min(self._trained, default=len(self.matrices))  # that asks for deltas
        for layer in reversed(range(lowest, len(self.matrices) - 1)):
            delta = self.products.matmul(delta, feedback_weights[layer], out=self.deltas[layer])
            delta /= self.inverse_slope(layer)

    def send_back(self, feedback_weights: Sequence[np.ndarray]) -> None:
        """Write deltas that come straight from the outputs: one array (outputs, units) a layer."""
        output_deltas = self.output_deltas()
        for layer, way in enumerate(feedback_weights):
            if layer in self._trained:
                self.products.matmul(output_deltas, way, out=self.deltas[layer])
                self.deltas[layer] /= self.inverse_slope(layer)

    def perturb(self, perturbation: Perturbation) -> tuple[np.ndarray, np.ndarray]:
        """Run the images once more, with what goes into the units perturbed.

        Returns the logits (images, outputs) and each image's loss (images,).
        """
        n, second, below = len(self), self._second, self._images
        outputs = second.logits[:n]
        for layer, (matrix, into) in enumerate(
            zip(self.matrices, [*(s[:n] for s in second.preactivations), outputs], strict=True)
        ):
            known = layer == 0 and len(self.matrices) > 1
            clean = (
                self.preactivations(0) if known else self.products.matmul(below, matrix, out=into)
            )
            perturbation(layer, below, clean, into)
            if into is not outputs:
                arctan(into, out=into)
                below = second.activations[layer][:n]
        return outputs, self._cost.losses(outputs, second.probabilities(n), self._targets)

    def start_perturbing(self) -> None:
        """Compute what goes into the first hidden layer, which `perturb` starts from."""
        if len(self.matrices) > 1:
            self.products.matmul(self._images, self.matrices[0], out=self.preactivations(0))

    def perturbed_wrong(self) -> int:
        """Return how many images were wrong in `perturb`."""
        return int(np.sum(misclassified(self._second.output[: len(self)], self._labels)))

    def perturbed_activations(self, layer: int) -> np.ndarray:
        """What came out of a hidden layer, counted from 0, in `perturb`; (images, units)."""
        return self._second.activations[layer][: len(self), :-1]

    def derivative_along(self, tangents: list[np.ndarray]) -> float:
        """Return the derivative of the loss along a change of the weights, one matrix a layer."""
        moved = None
        for layer, tangent in enumerate(tangents):
            below = self._images if layer == 0 else self._layers.activations[layer - 1][: len(self)]
            moved = self._passed_on(layer, self.products.matmul(below, tangent), moved)
        return float(np.sum(self.output_deltas() * moved, dtype=np.float64))

    def derivatives_along(self, noise: list[np.ndarray]) -> np.ndarray:
        """Return each image's derivative of the loss along a change of what goes into the units.

        `noise`: one array (images, units) for each hidden layer. Returns shape (images,). It writes
        the output units' deltas on its way.
        """
        moved = None
        for layer, xi in enumerate(noise):
            moved = self._passed_on(layer, xi.copy(), moved)
        change = np.zeros_like(self.logits)
        moved = self._passed_on(len(noise), change, moved)
        return np.sum(self.output_deltas() * moved, axis=1)

    def _passed_on(self, layer: int, change: np.ndarray, moved: np.ndarray | None) -> np.ndarray:
        """Return how a layer's activations move if its preactivations and those below move so."""
        if moved is not None:
            change += self.products.matmul(moved, self.matrices[layer][:-1])
        if layer < len(self.matrices) - 1:
            change /= 1 + np.square(self.preactivations(layer))  # they stay, for the next draw
        return change

    def write_gradient(self, out: np.ndarray) -> None:
        """Write the products of inputs and deltas to `out`, shape (n_parameters,)."""
        n = len(self)
        inputs = [self._images, *(above[:n] for above in self._layers.activations)]
        gradients = self._network.matrices(out)
        if len(self._trained) < len(gradients):
            out.fill(0)
        for layer in self._trained:
            self.products.matmul(inputs[layer].T, self.deltas[layer], out=gradients[layer])

    def gradient(self) -> np.ndarray:
        """Return the products of inputs and deltas, (n_parameters,), overwritten by the next."""
        self.write_gradient(self._gradient)
        return self._gradient
