"""Costs: what a network is trained to make small, image by image.

Training works on the loss E of all images together, a sum; the cost that is reported is a mean
over images. Both costs take the network's outputs and, for numbers that stay finite, the
logits that they are made of.
"""

from typing import Protocol

import numpy as np


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
