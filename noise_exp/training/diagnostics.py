"""How near feedback weights come to back propagation: angles and norms, by hidden layer.

After Akrout, Wilson, Humphreys, Lillicrap and Tweed, *Deep learning without weight transport*
(2019), section 5, whose angles are between arrays read as vectors too. Their deltas of back
propagation start at the layer above with the deltas of the feedback weights; here they are back
propagation's own from the outputs on, so that what one layer bends counts in those below it too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators.feedback import FeedbackWeights
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective

PROBE_IMAGES = 512
NAMES = ("delta_angle", "feedback_angle", "feedback_norm_ratio")
"""Of what is found for each hidden layer; its number follows, as in delta_angle_1."""


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def diagnose(probe: Objective, state: FeedbackWeights, parameters: np.ndarray) -> dict[str, float]:
    """Compare feedback weights, and the deltas that they give, with back propagation's.

    Parameters
    ----------
    probe
        The images on which deltas are compared; their products are not training's.
    state
        Of the estimator.
    parameters
        Of the network, shape (n_parameters,).

    Returns
    -------
    dict
        For each hidden layer, counted from 1 at the input: `delta_angle_1`, in degrees, between
        its deltas (images, units), all of them as one vector; `feedback_angle_1`, in degrees, and
        `feedback_norm_ratio_1`, between its feedback weights and the weights that these stand for:
        the transposed weights above or, of direct feedback, the transposed product of all weights
        above, which leaves the slopes between them out. Not finite where one of the two is 0 or
        not finite.
    """
    feedback, send = state.weights, Block.send_back if state.direct else Block.back_propagate
    exact = _deltas(probe, parameters, Block.back_propagate)
    theirs = _deltas(probe, parameters, lambda block: send(block, feedback))
    forward = _stood_for(probe.network, parameters, state.direct)
    found: dict[str, float] = {}
    layers = zip(theirs, exact, feedback, forward, strict=True)
    for layer, (own_deltas, deltas, own_weights, weights) in enumerate(layers, 1):
        compared = (
            _angle(own_deltas, deltas),
            _angle(own_weights, weights),
            float(_norm(own_weights) / _norm(weights)),
        )
        found |= {f"{name}_{layer}": v for name, v in zip(NAMES, compared, strict=True)}
    return found


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle between two arrays of one shape, read as vectors, in degrees."""
    cosine = np.vdot(a.astype(np.float64), b.astype(np.float64)) / (_norm(a) * _norm(b))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _norm(array: np.ndarray) -> np.float64:
    return np.float64(np.linalg.norm(array.astype(np.float64)))


def _deltas(
    probe: Objective, parameters: np.ndarray, assign: Callable[[Block], Any]
) -> list[np.ndarray]:
    """Return the deltas (images, units) of each hidden layer."""

    def look(block: Block) -> list[np.ndarray]:
        block.measure()
        assign(block)
        return [delta.copy() for delta in block.deltas[:-1]]

    blocks = probe.visit(parameters, look)
    return [np.concatenate(layer) for layer in zip(*blocks, strict=True)]


def _stood_for(network: Network, parameters: np.ndarray, direct: bool) -> list[np.ndarray]:
    """Return what each hidden layer's feedback weights stand for, in their shapes."""
    above = [weights.T for weights, _ in network.views(parameters)[1:]]
    if direct:
        for layer in reversed(range(len(above) - 1)):
            above[layer] = above[layer + 1] @ above[layer]
    return above
