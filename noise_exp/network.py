"""The network: parameters in one flat vector, outputs, cost and gradient."""

import itertools
import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from noise_exp.workers import ALONE, Workers

_ROWS = 512  # images whose activations exist at once, in every group
_CHUNK = 2**16  # numbers of a vector that one thread adds up at a time
_ALIGNED = 16  # numbers; rows that start at a multiple of 64 bytes make faster products


class Network:
    """Fully connected: arctan in the hidden layers, a logistic sigmoid at the one output.

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
        shapes = [(m + 1, n) for m, n in itertools.pairwise(self.sizes)]
        return [flat[s].reshape(shape) for s, shape in zip(self._slices, shapes, strict=True)]

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
        """Outputs in 0..1, shape (images,), for images of shape (images, inputs)."""
        matrices, inputs = self.matrices(parameters), _with_ones(images)

        def group_outputs(blocks: list[slice]) -> np.ndarray:
            activations = Activations(self, max(block.stop - block.start for block in blocks))
            outputs = [activations.forward(matrices, inputs[block]).copy() for block in blocks]
            return np.concatenate(outputs)

        return np.concatenate(workers.map(group_outputs, row_groups(len(images))))[:, 0]


class Activations:
    """The units' values for a block of images: made once, overwritten by every forward pass.

    Parameters
    ----------
    network
        The network.
    rows
        Images of the largest block.
    keep_sums
        Keep what goes into each arctan too, which back propagation needs.
    """

    def __init__(self, network: Network, rows: int, keep_sums: bool = False) -> None:
        hidden, n_out = network.sizes[1:-1], network.sizes[-1]
        self.values = [_ones(rows, n, network.dtype) for n in hidden]
        self.output = np.empty((rows, n_out), network.dtype)
        # Without need of the sums, arctan overwrites them.
        self.sums = [v[:, :-1] for v in self.values]
        if keep_sums:
            self.sums = [np.empty((rows, n), network.dtype) for n in hidden]

    def forward(self, matrices: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        """Run the network on images (images, inputs + 1), the last column being 1.

        The outputs (images, units of the last layer) are a view.
        """
        n = len(images)
        below = images
        for matrix, sums, values in zip(matrices[:-1], self.sums, self.values, strict=True):
            np.matmul(below, matrix, out=sums[:n])
            np.arctan(sums[:n], out=values[:n, :-1])
            below = values[:n]
        output = self.output[:n]
        np.matmul(below, matrices[-1], out=output)
        np.negative(output, out=output)
        with np.errstate(over="ignore"):  # exp's infinity is the sigmoid's exact 0
            np.exp(output, out=output)
        output += 1
        np.reciprocal(output, out=output)
        return output


@dataclass(frozen=True)
class Evaluation:
    """A network measured on images: the mean squared error and the share misclassified."""

    cost: float
    error_rate: float


class Objective:
    """The cost of a network on fixed images, as a function of its parameters.

    The images are cut into groups of blocks (`row_groups`). A group is computed by one thread,
    block after block; the groups' parts of the cost and of the gradient are added in order.

    Parameters
    ----------
    network
        The network.
    images, labels
        Of shapes (images, inputs) and (images,), in the network's dtype; labels are 0 or 1.
    workers
        The threads to use.

    Attributes
    ----------
    forward_passes
        What has been spent so far, in passes over all images; a backward pass counts two.
    """

    def __init__(
        self, network: Network, images: np.ndarray, labels: np.ndarray, workers: Workers = ALONE
    ) -> None:
        self.network = network
        self.forward_passes = 0
        self._images = _with_ones(images)
        self._labels = labels[:, None]
        self._workers = workers
        self._groups = row_groups(len(images))
        self._parts: list[np.ndarray] = []  # one gradient per group, made when first needed
        self._of_thread = threading.local()

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        """Measure at `parameters`, shape (n_parameters,)."""
        self.forward_passes += 1
        matrices = self.network.matrices(parameters)

        def measure(blocks: list[slice]) -> list[tuple[float, int]]:
            workspace = self._workspace(for_gradient=False)
            return [workspace.measure(matrices, self._images[b], self._labels[b]) for b in blocks]

        return self._mean(self._workers.map(measure, self._groups))

    def gradient(self, parameters: np.ndarray, out: np.ndarray) -> Evaluation:
        """Write d/dw of 1/2 * sum over images of (output - label)^2 to `out`; measure as well.

        By back propagation (Rumelhart, Hinton and Williams 1986). `out`: (n_parameters,).
        """
        self.forward_passes += 3
        matrices = self.network.matrices(parameters)
        self._parts = self._parts or [np.empty_like(out) for _ in self._groups]

        def propagate(group: tuple[list[slice], np.ndarray]) -> list[tuple[float, int]]:
            workspace = self._workspace(for_gradient=True)
            blocks, part = group
            measured = []
            for block in blocks:
                images, labels = self._images[block], self._labels[block]
                measured.append(workspace.measure(matrices, images, labels))
                first = len(measured) == 1
                gradient = part if first else workspace.gradient
                workspace.back_propagate(matrices, images, labels, gradient)
                if not first:
                    part += gradient
            return measured

        measured = self._workers.map(propagate, list(zip(self._groups, self._parts, strict=True)))
        self._workers.map(lambda chunk: _add_up(self._parts, out, chunk), _chunks(len(out)))
        return self._mean(measured)

    def _workspace(self, for_gradient: bool) -> "_Workspace":
        """Return this thread's arrays; those for the gradient do for measuring as well."""
        workspace = getattr(self._of_thread, "workspace", None)
        if workspace is None or (for_gradient and not workspace.for_gradient):
            rows = max(block.stop - block.start for group in self._groups for block in group)
            workspace = _Workspace(self.network, rows, for_gradient)
            self._of_thread.workspace = workspace
        return workspace

    def _mean(self, measured: list[list[tuple[float, int]]]) -> Evaluation:
        squares, wrong = zip(*itertools.chain.from_iterable(measured), strict=True)
        n = len(self._labels)
        return Evaluation(sum(squares) / n, sum(wrong) / n)


class _Workspace:
    """The arrays that one thread needs for one block of images at a time."""

    def __init__(self, network: Network, rows: int, for_gradient: bool) -> None:
        self.for_gradient = for_gradient
        self._network = network
        self._activations = Activations(network, rows, keep_sums=for_gradient)
        if for_gradient:
            self._deltas = [np.empty((rows, n), network.dtype) for n in network.sizes[1:]]
            self.gradient = np.empty(network.n_parameters, network.dtype)

    def measure(
        self, matrices: list[np.ndarray], images: np.ndarray, labels: np.ndarray
    ) -> tuple[float, int]:
        """Return the sum of squared errors and the number of images misclassified."""
        outputs = self._activations.forward(matrices, images)
        squared = np.sum(np.square(outputs - labels), dtype=np.float64)
        return float(squared), int(np.sum(misclassified(outputs, labels)))

    def back_propagate(
        self,
        matrices: list[np.ndarray],
        images: np.ndarray,
        labels: np.ndarray,
        out: np.ndarray,
    ) -> None:
        """Write the block's gradient to `out` (n_parameters,); after `measure` of the block."""
        n = len(images)
        gradients = self._network.matrices(out)
        inputs = [images, *(values[:n] for values in self._activations.values)]
        output, delta = self._activations.output[:n], self._deltas[-1][:n]
        np.subtract(output, labels, out=delta)
        delta *= output
        delta *= 1 - output
        for i in reversed(range(len(matrices))):
            np.matmul(inputs[i].T, delta, out=gradients[i])
            if i:
                slope = self._activations.sums[i - 1][:n]  # overwritten: made anew each time
                np.square(slope, out=slope)
                slope += 1
                delta = np.matmul(delta, matrices[i][:-1].T, out=self._deltas[i - 1][:n])
                delta /= slope


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
    """Which outputs, rounded to 0 or 1, are not the label; one that is not a number is wrong."""
    return np.rint(outputs) != labels


def _chunks(n: int) -> list[slice]:
    return [slice(i, i + _CHUNK) for i in range(0, n, _CHUNK)]


def _add_up(parts: list[np.ndarray], out: np.ndarray, chunk: slice) -> None:
    np.copyto(out[chunk], parts[0][chunk])
    for part in parts[1:]:
        out[chunk] += part[chunk]


def _ones(rows: int, columns: int, dtype: DTypeLike) -> np.ndarray:
    """Room for (rows, columns) and a last column of ones; rows start at aligned addresses."""
    width = -(-(columns + 1) // _ALIGNED) * _ALIGNED
    return np.ones((rows, width), dtype)[:, : columns + 1]


def _with_ones(images: np.ndarray) -> np.ndarray:
    rows, columns = images.shape
    out = _ones(rows, columns, images.dtype)
    out[:, :-1] = images
    return out
