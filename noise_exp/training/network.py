"""The network: its parameters in one flat vector, its units, its outputs, and what these cost.

Training works on the loss E of all images together, a sum; the cost that is reported is a mean
over images. Costs take the network's outputs and, for numbers that stay finite, the logits that
they are made of.
"""

import itertools
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from noise_exp.training.functions import arctan
from noise_exp.training.products import Products
from noise_exp.training.workers import ALONE, Workers

_ROWS = 512  # images whose activations exist at once, in every group
_ALIGNED = 16  # numbers; rows that start at a multiple of 64 bytes make faster products


class Network:
    """Fully connected: arctan in the hidden layers, probabilities at the outputs.

    A single output is a logistic sigmoid, the probability of class 1 of two; several outputs are
    a softmax, a probability for each class.

    The parameters are one flat vector, W1, b1, W2, b2, ... one after the other, so that noise,
    directions and optimizers handle a single array. A layer's biases follow its weights: both
    together are one matrix, whose last row meets an input that is always 1.

    Parameters
    ----------
    sizes
        Units per layer from the inputs on, for example ``(784, 840, 1024, 1)``.
    dtype
        Of the parameters and all arithmetic.
    """

    def __init__(self, sizes: tuple[int, ...], dtype: DTypeLike) -> None:
        self.sizes = sizes
        self.dtype = np.dtype(dtype)
        self.layers = len(sizes) - 1
        ends = list(itertools.accumulate((m + 1) * n for m, n in itertools.pairwise(sizes)))
        self._slices = [slice(*pair) for pair in itertools.pairwise([0, *ends])]
        self.n_parameters = ends[-1]

    def matrices(self, flat: np.ndarray) -> list[np.ndarray]:
        """Views of a flat vector (n_parameters,), one per layer: its weights above its biases.

        Each has the shape (units below + 1, units).
        """
        return [
            flat[s].reshape(shape) for s, shape in zip(self._slices, self.shapes(), strict=True)
        ]

    def shapes(self) -> list[tuple[int, int]]:
        """Of each layer's weights and biases as one matrix: (units below + 1, units)."""
        return [(m + 1, n) for m, n in itertools.pairwise(self.sizes)]

    def views(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views of a flat vector (n_parameters,) as one (weights, biases) pair per layer.

        Weights have the shape (units below, units); biases (units,).
        """
        return [(matrix[:-1], matrix[-1]) for matrix in self.matrices(flat)]

    def layer_slices(self) -> list[slice]:
        """Where each layer's weights and biases lie in a flat vector."""
        return self._slices

    def parameters_of_inputs(self, chosen: np.ndarray) -> np.ndarray:
        """Which parameters a network of only the chosen inputs has, in the same order.

        `chosen`: bool (inputs,); returns bool (n_parameters,).
        """
        kept = np.ones(self.n_parameters, bool)
        self.matrices(kept)[0][:-1] = chosen[:, None]
        return kept

    def outputs(
        self, parameters: np.ndarray, images: np.ndarray, workers: Workers = ALONE
    ) -> np.ndarray:
        """Outputs in 0..1, shape (images, outputs), for images of shape (images, inputs)."""
        matrices, inputs = self.matrices(parameters), with_ones(images)

        def group_outputs(blocks: list[slice]) -> np.ndarray:
            rows = max(block.stop - block.start for block in blocks)
            layers = Layers(self, rows, Products())
            outputs = [layers.forward(matrices, inputs[block]).copy() for block in blocks]
            return np.concatenate(outputs)

        return np.concatenate(workers.map(group_outputs, row_groups(len(images))))


class Layers:
    """What a block of images makes of the units: made once, overwritten by every forward pass.

    Parameters
    ----------
    network
        The network.
    rows
        Images of the largest block.
    products
        Makes the products.
    differentiable
        Keep what goes into each arctan too, which derivatives need.

    Attributes
    ----------
    activations
        Of each hidden layer, shape (rows, units + 1), the last column being 1.
    preactivations
        What went into each hidden layer's arctan, shape (rows, units); without `differentiable`
        they are views of `activations`, which overwrite them.
    logits, output
        What went into the output units and what came out, shape (rows, outputs).
    """

    def __init__(
        self, network: Network, rows: int, products: Products, differentiable: bool = False
    ) -> None:
        self._products = products
        hidden, n_out = network.sizes[1:-1], network.sizes[-1]
        self.activations = [_ones(rows, n, network.dtype) for n in hidden]
        self.preactivations = [v[:, :-1] for v in self.activations]
        if differentiable:
            self.preactivations = [np.empty((rows, n), network.dtype) for n in hidden]
        self.logits = np.empty((rows, n_out), network.dtype)
        self.output = np.empty((rows, n_out), network.dtype)

    def forward(self, matrices: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        """Run the network on images (images, inputs + 1), the last column being 1.

        The outputs (images, outputs) are a view.
        """
        n = len(images)
        below = images
        for matrix, into, activations in zip(
            matrices[:-1], self.preactivations, self.activations, strict=True
        ):
            self._products.matmul(below, matrix, out=into[:n])
            arctan(into[:n], out=activations[:n, :-1])
            below = activations[:n]
        self._products.matmul(below, matrices[-1], out=self.logits[:n])
        return self.probabilities(n)

    def probabilities(self, n: int) -> np.ndarray:
        """Return the outputs (n, outputs) that follow from the logits: a view."""
        _probabilities(self.logits[:n], self.output[:n])
        return self.output[:n]


def _probabilities(logits: np.ndarray, out: np.ndarray) -> None:
    """Write the logistic sigmoid or, of several logits per image, the softmax to `out`."""
    if logits.shape[1] > 1:
        np.subtract(logits, np.max(logits, axis=1, keepdims=True), out=out)
        np.exp(out, out=out)
        out /= np.sum(out, axis=1, keepdims=True)
        return
    np.negative(logits, out=out)
    with np.errstate(over="ignore"):  # exp's infinity is the sigmoid's exact 0
        np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)


def row_groups(n: int) -> list[list[slice]]:
    """Cut `n` images into blocks, and the blocks into groups; of `n` alone, so fixed.

    More groups than these keep more threads busy, but each multiplies by the whole of the
    weights, which are packed anew for it: 8 instead of 4 cost the article's images 8% of time.
    """
    groups = 1 if n < 64 else 2 if n < 1024 else 4 if n < 4096 else 8
    edges = [n * g // groups for g in range(groups + 1)]
    cut = []
    for start, stop in itertools.pairwise(edges):
        blocks = max(1, round((stop - start) / _ROWS))
        inner = [start + (stop - start) * b // blocks for b in range(blocks + 1)]
        cut.append([slice(*pair) for pair in itertools.pairwise(inner)])
    return cut


def misclassified(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which images' outputs (images, outputs) do not stand for their label, bool (images,).

    A single output stands for 0 or 1 by rounding, several for the class of the highest. One that
    is not a number is wrong. `labels`: classes from 0 on, shape (images,).
    """
    return predicted(outputs) != labels


def predicted(outputs: np.ndarray) -> np.ndarray:
    """The class that the outputs (images, outputs) stand for, (images,); -1 for not a number."""
    classes = np.rint(outputs[:, 0]) if outputs.shape[1] == 1 else np.argmax(outputs, axis=1)
    return np.where(np.isnan(outputs).any(axis=1), -1, classes)


def _ones(rows: int, columns: int, dtype: DTypeLike) -> np.ndarray:
    """An array of (rows, columns) and a last column of ones; rows start at aligned addresses."""
    width = -(-(columns + 1) // _ALIGNED) * _ALIGNED
    return np.ones((rows, width), dtype)[:, : columns + 1]


def with_ones(images: np.ndarray) -> np.ndarray:
    """Images (images, inputs) with a last column of ones, the input that meets the biases."""
    rows, columns = images.shape
    out = _ones(rows, columns, images.dtype)
    out[:, :-1] = images
    return out


class Cost(Protocol):
    """What the objective asks of a cost."""

    per_loss: float
    """The reported cost is this times the mean loss of an image."""

    def losses(self, logits: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return each image's loss, shape (images,); arguments have shape (images, outputs)."""

    def deltas(self, outputs: np.ndarray, targets: np.ndarray, out: np.ndarray) -> None:
        """Write each image's derivative of its loss by the logits to `out`."""


class SquaredError:
    """The article's: E is half the squared differences, the cost their mean over the images."""

    per_loss = 2.0

    def losses(
        self,
        logits: np.ndarray,  # noqa: ARG002 (the outputs tell all)
        outputs: np.ndarray,
        targets: np.ndarray,
    ) -> np.ndarray:
        """Return 1/2 * sum over outputs of (output - target)^2, shape (images,)."""
        return 0.5 * np.sum(np.square(outputs - targets), axis=1)

    def deltas(self, outputs: np.ndarray, targets: np.ndarray, out: np.ndarray) -> None:
        """Write the derivative through the sigmoid or, of several outputs, the softmax."""
        np.subtract(outputs, targets, out=out)
        if outputs.shape[1] > 1:
            out -= np.sum(out * outputs, axis=1, keepdims=True)
            out *= outputs
        else:
            out *= outputs
            out *= 1 - outputs


class CrossEntropy:
    """Minus the log-likelihood of the labels (Bishop 2006, section 4.3), in nats per image."""

    per_loss = 1.0

    def losses(self, logits: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return -log of the probability that the outputs give to the target, shape (images,)."""
        # Written without differences of large numbers: a confident image's loss is small.
        if logits.shape[1] == 1:
            return np.logaddexp(0, (1 - 2 * targets) * logits)[:, 0]
        behind = logits - np.sum(logits * targets, axis=1, keepdims=True)
        behind[targets > 0] = -np.inf
        return np.logaddexp.reduce(behind, axis=1, initial=0.0)

    def deltas(self, outputs: np.ndarray, targets: np.ndarray, out: np.ndarray) -> None:
        """Write output - target."""
        np.subtract(outputs, targets, out=out)
