"""A trained network, kept in a file and used again: pixels in, probabilities out."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from noise_exp.training.network import Network, predicted
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
    """

    network: Network
    parameters: np.ndarray
    classes: np.ndarray
    pixel_divisor: float

    @classmethod
    def of(cls, trial: Trial) -> "Trained":
        """Return the network of a trial as it is now."""
        split = trial.split
        classes = np.array(split.digits or range(split.classes))
        return cls(trial.network, trial.parameters, classes, split.pixel_divisor)

    def predict(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each image's label (images,) and the probability of each class (images, classes).

        A label is that of the likeliest class; -1 where the outputs are not a number.

        Parameters
        ----------
        images
            Pixels as they were before training scaled them, shape (images, ...).

        Raises
        ------
        ValueError
            If images have another number of pixels than the network.
        """
        pixels = images.reshape(len(images), -1).astype(self.network.dtype)
        if pixels.shape[1] != self.network.sizes[0]:
            raise ValueError(
                f"an image must have {self.network.sizes[0]} pixels, got {pixels.shape[1]}"
            )
        if self.pixel_divisor != 1:
            pixels /= self.pixel_divisor
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.network.outputs(self.parameters, pixels)
        if outputs.shape[1] == 1:
            outputs = np.hstack([1 - outputs, outputs])
        found = predicted(outputs)
        return np.where(found < 0, -1, self.classes[found]), outputs

    def save(self, file: BinaryIO | Path) -> None:
        """Write it as NumPy's .npz: W1, b1, W2, b2, ..., classes and pixel_divisor."""
        arrays = {"classes": self.classes, "pixel_divisor": np.array(self.pixel_divisor)}
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
        with np.load(file, allow_pickle=False) as arrays:
            kept = dict(arrays)
        matrices = [kept[f"W{i}"] for i in range(1, 1 + sum(name[0] == "W" for name in kept))]
        network = Network(
            tuple(len(m) for m in matrices) + matrices[-1].shape[1:], matrices[0].dtype
        )
        parameters = np.empty(network.n_parameters, network.dtype)
        for i, (weights, biases) in enumerate(network.views(parameters), 1):
            weights[:], biases[:] = kept[f"W{i}"], kept[f"b{i}"]
        return cls(network, parameters, kept["classes"], float(kept["pixel_divisor"]))
