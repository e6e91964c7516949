"""Errors go back along feedback weights, not along the transposed forward weights.

The output units' own deltas are known: they follow from output and label without propagation.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import Estimator, EstimatorState, require_positive
from noise_exp.training.network import Network
from noise_exp.training.noise import Noise, draw
from noise_exp.training.objective import Evaluation, Objective


class FeedbackWeights(EstimatorState):
    """What sends errors back along weights of their own, in one training.

    Attributes
    ----------
    direct
        Whether errors go from the outputs to each hidden layer, or from layer to layer.
    weights
        One array per hidden layer, (outputs, units) if direct, else (units above, units); empty
        before the first estimate.
    """

    def __init__(self, direct: bool = False) -> None:
        self.direct = direct
        self.weights: list[np.ndarray] = []

    @abstractmethod
    def renew(self, objective: Objective, parameters: np.ndarray, noise: Noise) -> None:
        """Make the weights, or bring them up to date, before an estimate."""

    def assign(self, block: Block) -> Any:
        """Write a block's deltas: slope * (feedback weights . deltas above)."""
        if self.direct:
            block.send_back(self.weights)
        else:
            block.back_propagate(self.weights)

    def learn(self, credit: Sequence[Any], objective: Objective) -> None:  # noqa: ARG002 (none do)
        """Learn from what `assign` returned of each block."""
        return

    def estimate(
        self, objective: Objective, parameters: np.ndarray, noise: Noise, out: np.ndarray
    ) -> Evaluation:
        """Direction: minus what `assign` makes of the gradient; see `Objective.assign_credit`."""
        self.renew(objective, parameters, noise)
        evaluation, credit = objective.assign_credit(parameters, out, self.assign)
        self.learn(credit, objective)
        np.negative(out, out=out)
        return evaluation


def feedback_shapes(network: Network, direct: bool) -> list[tuple[int, int]]:
    """Return the shapes of `FeedbackWeights.weights`."""
    _, *units = network.sizes
    above = units[-1:] * (len(units) - 1) if direct else units[1:]
    return list(zip(above, units[:-1], strict=True))


@dataclass(frozen=True)
class FeedbackAlignment(Estimator):
    r"""Errors go back through fixed random weights, drawn from the distribution once and for all.

    .. math:: \delta_\ell = f'(z_\ell) \odot B_\ell^\top \delta_{\ell+1}, \qquad
        B_\ell = \frac{s}{\sqrt{n_{\ell+1}}} \, \xi_\ell

    in a layer with units f, above which there are n; direct feedback comes from the outputs' delta.

    Lillicrap, Cownden, Tweed and Akerman, *Random synaptic feedback weights support error
    backpropagation for deep learning* (2016); direct: Nokland, *Direct feedback alignment provides
    learning in deep neural networks* (2016). Theirs are fixed uniform or normal weights, and plain
    descent; here any distribution and optimizer will do.

    Attributes
    ----------
    scale
        s: the weights are this times the noise, over the root of how many lead to a unit.
    direct
        Whether errors go from the outputs to each hidden layer, or from layer to layer.
    """

    scale: float
    direct: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "scale")

    def init(self, objective: Objective) -> "RandomFeedback":  # noqa: ARG002 (noise comes later)
        """Return what draws the feedback weights with its first estimate."""
        return RandomFeedback(self.scale, self.direct)


class RandomFeedback(FeedbackWeights):
    """Feedback weights that are drawn from the noise with the first estimate."""

    def __init__(self, scale: float, direct: bool = False) -> None:
        super().__init__(direct)
        self._scale = scale

    def renew(self, objective: Objective, parameters: np.ndarray, noise: Noise) -> None:  # noqa: ARG002
        """Draw the weights, once."""
        if not self.weights:
            shapes = feedback_shapes(objective.network, self.direct)
            self.weights = draw(noise, shapes, objective.network.dtype)
            for weights in self.weights:
                weights *= self._scale / math.sqrt(len(weights))
