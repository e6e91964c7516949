"""A trained network, kept in a file and used again: pixels in, probabilities out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from noise_exp.training.network import Network, predicted
from noise_exp.training.pixels import as_images, check_range
from noise_exp.training.trial import Trial


@dataclass(frozen=True)
class Trained:
    """A network with its weights, the scale of its pixels and the meaning of its classes.

    Attributes
    ----------
    network, parameters
        The network, and its weights and biases as one flat vector (n_parameters,).
    classes
        The label that each class stands for, whole numbers (classes,).
    pixel_divisor
        What pixels are divided by before the network sees them.
    pixel_range
        The least and the largest pixel of the images for training, before that; empty of a network
        that was kept by an earlier version.
    names
        What the classes are called; empty where that is their label.
    """

    network: Network
    parameters: np.ndarray
    classes: np.ndarray
    pixel_divisor: float
    pixel_range: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, trial: Trial) -> "Trained":
        """Return the network of a trial as it is now."""
        split = trial.split
        classes = np.array(split.digits or range(split.classes))
        return cls(
            trial.network, trial.parameters, classes, split.pixel_divisor, split.pixel_range,
            split.names,
        )  # fmt: skip

    def images(self, given: Any, what: str = "the images") -> np.ndarray:
        """Return images of any type and shape as the network takes them, (images, pixels).

        Raises
        ------
        ValueError
            If they are no finite numbers, or have another number of pixels or another range than
            those that the network was trained on; `what` begins the message.
        """
        images = as_images(given, self.network.sizes[0], what)
        if self.pixel_range:
            low, high = self.pixel_range
            check_range(images, low, high, what)
        return images

    def predict(self, images: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return each image's label (images,) and the probability of each class (images, classes).

        A label is that of the likeliest class; -1 where the outputs are not a number.

        Parameters
        ----------
        images
            Pixels as they were before training scaled them: arrays, lists or tables of numbers, of
            shape (images, ...) or, of one image, (rows, columns).

        Raises
        ------
        ValueError
            If they are not like those that the network was trained on.
        """
        pixels = self.images(images).astype(self.network.dtype)
        if self.pixel_divisor != 1:
            pixels /= self.pixel_divisor
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network.outputs(self.parameters, pixels)
        if outputs.shape[1] == 1:
            outputs = np.hstack([1 - outputs, outputs])
        found = predicted(outputs)
        return np.where(found < 0, -1, self.classes[found]), outputs

    def called(self, labels: np.ndarray) -> np.ndarray:
        """Return labels (n,) by the names of their classes, if these have names."""
        names = dict(zip(self.classes.tolist(), self.names, strict=False))
        return np.array([names.get(label, str(label)) for label in labels]) if names else labels

    def save(self, file: BinaryIO | Path) -> None:
        """Write it as NumPy's .npz: W1, b1, W2, b2, ..., and the attributes by name."""
        arrays = {
            "classes": self.classes, "pixel_divisor": np.array(self.pixel_divisor),
            "pixel_range": np.array(self.pixel_range), "names": np.array(self.names, str),
        }  # fmt: skip
        for i, (weights, biases) in enumerate(self.network.views(self.parameters), 1):
            arrays |= {f"W{i}": weights, f"b{i}": biases}
        np.savez(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, file: BinaryIO | Path) -> "Trained":
        """Read what `save` wrote.

        Raises
        ------
        OSError, ValueError, KeyError
            If it cannot be read, or is no such file.
        """
        with np.load(file) as arrays:
            kept = dict(arrays)
        numbers = range(1, 1 + sum(name[0] == "W" for name in kept))
        layers = [(kept[f"W{i}"], kept[f"b{i}"]) for i in numbers]
        parameters = np.concatenate([part.ravel() for layer in layers for part in layer])
        sizes = (len(layers[0][0]), *(len(biases) for _, biases in layers))
        return cls(
            Network(sizes, parameters.dtype), parameters, kept["classes"],
            float(kept["pixel_divisor"]), tuple(map(float, kept.get("pixel_range", ()))),
            tuple(map(str, kept.get("names", ()))),
        )  # fmt: skip
