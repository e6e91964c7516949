"""Errors go back along feedback weights that learn as the forward weights do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import Estimator, require_positive
from noise_exp.training.estimators.feedback import RandomFeedback
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective


@dataclass(frozen=True)
class KolenPollack(Estimator):
    r"""Feedback weights take the steps of the forward weights, and decay with them.

    .. math:: W \leftarrow k W + \Delta, \qquad B \leftarrow k B + \Delta

    Kolen and Pollack, *Backpropagation without weight transport* (1994), in the form of Akrout et
    al., *Deep learning without weight transport* (2019), section 4. What distinguishes the two
    kinds of weights is multiplied in each step by k, what the optimizer's `weight_decay` leaves, so
    without weight decay they never meet. Theirs take a step each from the same activities and
    errors; here both take what the optimizer has made of the forward weights' direction.

    Attributes
    ----------
    scale
        Of the first feedback weights, as for `FeedbackAlignment`.
    """

    scale: float

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def init(self, objective: Objective) -> "FollowingFeedback":
        """Return what draws the feedback weights with its first estimate."""
        return FollowingFeedback(self.scale, objective.network)


class FollowingFeedback(RandomFeedback):
    """The state of `KolenPollack`."""

    def __init__(self, scale: float, network: Network) -> None:
        super().__init__(scale)
        self._network = network

    def stepped(self, step: np.ndarray, kept: np.ndarray) -> None:
        """Do to the feedback weights what was done to the forward weights."""
        matrices = zip(*map(self._network.matrices, (step, kept)), strict=True)
        _, *above = matrices
        for weights, (change, share) in zip(self.weights, above, strict=True):
            weights *= share[:-1].T
            weights += change[:-1].T


@dataclass(frozen=True)
class DirectKolenPollack(Estimator):
    r"""Feedback weights from the outputs to each hidden layer learn by gradient descent.

    .. math:: B_\ell \leftarrow (1 - \lambda) B_\ell - \frac{\eta}{n} \sum \delta_L h_\ell^\top

    over the n images of a batch, with activities h.

    Webster, Choi and Ahn, *Learning the connections in direct feedback alignment* (2021): each
    takes minus the product of its unit's activity and the output unit's delta, as if it led
    forward, from the unit to the output. Theirs are convolutional networks, and their feedback
    descends by Adam at a falling rate; here it is plain descent at a constant one, whatever the
    optimizer of the forward weights.

    Attributes
    ----------
    scale
        Of the first feedback weights, as for `FeedbackAlignment`.
    rate
        eta: learning rate of the feedback weights, for a mean over the batch.
    decay
        lambda: share of the feedback weights that a step takes away, 0 to below 1.
    """

    scale: float
    rate: float
    decay: float

    def __post_init__(self) -> None:
        require_positive(self, "scale", "rate")
        if not 0 <= self.decay < 1:
            raise ValueError(f"decay must be at least 0 and below 1, got {self.decay}")

    def init(self, objective: Objective) -> "DescendingFeedback":  # noqa: ARG002 (noise comes later)
        """Return what draws the feedback weights with its first estimate."""
        return DescendingFeedback(self)


class DescendingFeedback(RandomFeedback):
    """The state of `DirectKolenPollack`."""

    def __init__(self, settings: DirectKolenPollack) -> None:
        super().__init__(settings.scale, direct=True)
        self._settings = settings

    def assign(self, block: Block) -> list[np.ndarray]:
        """Write the deltas; return the products of output deltas and activities, a sum each."""
        super().assign(block)
        errors = block.deltas[-1].T
        return [
            block.products.matmul(errors, block.activations(layer))
            for layer in range(len(self.weights))
        ]

    def learn(self, credit: Sequence[list[np.ndarray]], objective: Objective) -> None:
        """Take a step down."""
        for weights, parts in zip(self.weights, zip(*credit, strict=True), strict=True):
            weights *= 1 - self._settings.decay
            for part in parts:
                weights -= self._settings.rate / objective.batch_size * part
