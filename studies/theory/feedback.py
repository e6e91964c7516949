"""Feedback that is learned from noise: how soon, and how near it comes to the gradient."""

from dataclasses import dataclass

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import LearnedFeedback
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import (
    cosine,
    cost_gradient,
    initial,
    network_for,
    noise_of,
    zeros_and_ones,
)

_DRAWS = 1000  # of the noise, for a mean over it
_PASSES, _RATE = 240, 0.1  # of the fit of feedback


@dataclass
class Point:
    """A network, where it stands, and the gradient of its cost there."""

    network: Network
    objective: Objective
    parameters: np.ndarray
    gradient: np.ndarray

    @classmethod
    def start(cls, seed: int, *hidden: int) -> "Point":
        """Return a random network on 60 images of pixels from 0 to 1."""
        images = zeros_and_ones(255.0).take(60)
        network = network_for(images, *hidden)
        objective, parameters = images.objective(network), initial(network, seed)
        gradient = cost_gradient(objective, parameters)[1]
        return cls(network, objective, parameters, gradient)


def learned_share(point: Point, rate: float, passes: np.ndarray) -> np.ndarray:
    """Share of the hidden layer's gradient in the mean direction, one hidden layer, (passes,).

    A unit's feedback closes the same part of what it lacks with every pass, on average over the
    noise: in proportion to the variance, over images, of what the unit passes on of its noise.
    """

    def look(block: Block) -> np.ndarray:
        slopes = 1 / (1 + np.square(block.preactivations(0)))
        block.back_propagate()
        return slopes

    out = np.empty_like(point.parameters)
    _, blocks = point.objective.assign_credit(point.parameters, out, look)
    slopes = np.concatenate(blocks)
    passed = slopes * np.random.default_rng(0).standard_normal((_DRAWS, *slopes.shape))
    variance, n = np.var(passed, axis=1), len(slopes)
    most, total = np.max(variance, axis=1, keepdims=True), np.sum(variance, axis=1, keepdims=True)
    part = rate * np.mean(n * variance / (n * most + total), axis=0)
    weight = np.sum(np.square(point.network.matrices(out)[0]), axis=0)
    learned = 1 - (1 - part) ** np.asarray(passes)[:, None]
    return learned @ weight / np.sum(weight)


def _fits(point: Point, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit feedback to noise at a point.

    Returns each direction's cosine to the negative gradient, and the share of the first layer's
    gradient in it, both (passes,).
    """
    estimating = LearnedFeedback(0.01, _RATE).init(point.objective)
    noise = noise_of("normal", seed, point.network)
    out, cosines, shares = np.empty_like(point.parameters), np.empty(_PASSES), np.empty(_PASSES)
    first = point.network.matrices(point.gradient)[0]
    # The direction is that of the loss, the gradient that of the cost.
    square = float(np.vdot(first, first)) / point.objective.cost.per_loss
    square *= point.objective.batch_size
    for t in range(_PASSES):
        estimating.estimate(point.objective, point.parameters, noise, out)
        cosines[t] = -cosine(out, point.gradient)
        shares[t] = -float(np.vdot(point.network.matrices(out)[0], first)) / square
    return cosines, shares


def _feedback(effort: Effort) -> Outcome:
    repeats = effort.size(12, 6)
    point, deep = Point.start(effort.seed, 32), Point.start(effort.seed, 16, 16)
    seeds = [effort.seed * repeats + i for i in range(repeats)]
    one, shares = (np.array(rows) for rows in zip(*(_fits(point, s) for s in seeds), strict=True))
    two = np.array([_fits(deep, s)[0] for s in seeds])
    done = np.arange(_PASSES)  # so many fits lie before the t-th direction
    expected = learned_share(point, _RATE, done)
    checks = [
        Check(f"one hidden layer: share of its gradient after {k} passes", float(expected[k]),
              intervals.mean(shares[:, k], 5), rival=1.0)
        for k in (3, 10, 30)
    ] + [
        Check(f"{layers}: 1 - cosine after {_PASSES} passes", 1e-3,
              intervals.mean(1 - cosines[:, -1], 5), sense)
        for layers, cosines, sense in (("one hidden layer", one, "<"),
                                       ("two hidden layers", two, ">"))
    ]  # fmt: skip
    shown = np.unique(np.geomspace(1, _PASSES, 24).astype(int)) - 1
    picture = Picture(
        "Feedback learned from noise becomes the weights above", "passes", "",
        [Curve("share, theory", done + 1, expected)],
        [Points(label, shown + 1, rows.mean(axis=0)[shown])
         for label, rows in (("share of the gradient, one hidden layer", shares),
                             ("cosine, one hidden layer", one),
                             ("cosine, two hidden layers", two))],
        log_x=True,
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "feedback",
        "Learned feedback estimates the weights above, not the gradient: its error does not stay, "
        "and with one hidden layer the direction becomes exact.",
        "E[B_t] = W'(1 - (1 - rate E[N v_j / (N max v + sum v)])^t), "
        "v_j = var_i(slope_ij xi_ij); cos -> 1",
        _feedback,
    ),
]
