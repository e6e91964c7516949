"""The network: parameters in one flat vector, outputs, cost and gradient."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike


class Network:
    """Fully connected: arctan in the hidden layers, a logistic sigmoid at the one output.

    The parameters are one flat vector, W1, b1, W2, b2, ... one after the other, so that noise,
    directions and optimizers handle a single array.

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
        shapes = [((m, n), (n,)) for m, n in itertools.pairwise(sizes)]
        self._slices = []
        start = 0
        for weights, biases in shapes:
            middle = start + weights[0] * weights[1]
            self._slices.append((slice(start, middle), weights, slice(middle, middle + biases[0])))
            start = middle + biases[0]
        self.n_parameters = start

    def views(self, flat: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views of a flat vector (n_parameters,) as one (weights, biases) pair per layer.

        Weights have the shape (units below, units); biases (units,).
        """
        return [(flat[w].reshape(shape), flat[b]) for w, shape, b in self._slices]

    def layer_slices(self) -> list[slice]:
        """Where each layer's weights and biases lie in a flat vector."""
        return [slice(w.start, b.stop) for w, _, b in self._slices]

    def outputs(self, parameters: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Outputs in 0..1, shape (images,), for images of shape (images, inputs)."""
        return Activations(self, len(images)).forward(parameters, images)


class Activations:
    """The units' values for a number of images: made once, overwritten by every forward pass."""

    def __init__(self, network: Network, n_images: int) -> None:
        self.network = network
        self.sums = [np.empty((n_images, n), network.dtype) for n in network.sizes[1:]]
        self.values = [np.empty_like(s) for s in self.sums]

    def forward(self, parameters: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Run the network on images (images, inputs); the outputs (images,) are a view."""
        below = images
        *hidden, (w_out, b_out) = self.network.views(parameters)
        for (weights, biases), sums, values in zip(hidden, self.sums, self.values, strict=False):
            np.matmul(below, weights, out=sums)
            sums += biases
            np.arctan(sums, out=values)
            below = values
        np.matmul(below, w_out, out=self.sums[-1])
        self.sums[-1] += b_out
        output = self.values[-1]
        np.negative(self.sums[-1], out=output)
        with np.errstate(over="ignore"):  # exp's infinity is the sigmoid's exact 0
            np.exp(output, out=output)
        output += 1
        np.reciprocal(output, out=output)
        return output[:, 0]


@dataclass(frozen=True)
class Evaluation:
    """A network measured on images: the mean squared error and the share misclassified."""

    cost: float
    error_rate: float


class Objective:
    """The cost of a network on fixed images, as a function of its parameters.

    Parameters
    ----------
    network
        The network.
    images, labels
        Of shapes (images, inputs) and (images,), in the network's dtype; labels are 0 or 1.

    Attributes
    ----------
    forward_passes
        What has been spent so far, in passes over all images; a backward pass counts two.
    """

    def __init__(self, network: Network, images: np.ndarray, labels: np.ndarray) -> None:
        self.network = network
        self.images = images
        self.labels = labels
        self.forward_passes = 0
        self._activations = Activations(network, len(images))
        self._deltas = [np.empty_like(s) for s in self._activations.sums]

    def evaluate(self, parameters: np.ndarray) -> Evaluation:
        """Measure at `parameters`, shape (n_parameters,)."""
        self.forward_passes += 1
        outputs = self._activations.forward(parameters, self.images)
        residual = outputs - self.labels
        return Evaluation(
            cost=float(np.mean(np.square(residual), dtype=np.float64)),
            error_rate=float(np.mean(misclassified(outputs, self.labels))),
        )

    def gradient(self, parameters: np.ndarray, out: np.ndarray) -> Evaluation:
        """Write d/dw of 1/2 * sum over images of (output - label)^2 to `out`; measure as well.

        By back propagation (Rumelhart, Hinton and Williams 1986). `out`: (n_parameters,).
        """
        evaluation = self.evaluate(parameters)
        self.forward_passes += 2
        sums, values = self._activations.sums, self._activations.values
        layers, gradients = self.network.views(parameters), self.network.views(out)
        output, delta = values[-1], self._deltas[-1]
        np.subtract(output, self.labels[:, None], out=delta)
        delta *= output
        delta *= 1 - output
        for i in reversed(range(self.network.layers)):
            below = values[i - 1] if i else self.images
            np.matmul(below.T, delta, out=gradients[i][0])
            np.sum(delta, axis=0, out=gradients[i][1])
            if i:
                slope = sums[i - 1]  # overwritten: the next forward pass makes it anew
                np.square(slope, out=slope)
                slope += 1
                delta = np.matmul(delta, layers[i][0].T, out=self._deltas[i - 1])
                delta /= slope
        return evaluation


def misclassified(outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Which outputs, rounded to 0 or 1, are not the label; one that is not a number is wrong."""
    return np.rint(outputs) != labels
