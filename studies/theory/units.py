"""Estimates from noise on the units: a draw per image, and credit for all weights of a unit."""

import math
from functools import partial

import numpy as np

from noise_exp.training.block import Block
from noise_exp.training.estimators import LearnedFeedback, NodePerturbation
from noise_exp.training.estimators.units import Outputs
from noise_exp.training.network import with_ones
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import cosine, noise_of
from studies.theory.weights import Point, mean_cosine

_SCALE = 1e-4
_DRAWS = 1000  # of the noise, for a mean over it
_PASSES, _RATE = 240, 0.1  # of the fit of feedback


def unit_variance(point: Point, outputs: Outputs = Outputs.known) -> float:
    """E|G' - G|^2 of the loss's gradient by node perturbation with normal noise, one pass.

    The sum over images and disturbed layers of |x|^2 (units |delta|^2 + |delta of the layer|^2),
    with x the layer's inputs, 1 for the bias included, and delta of all disturbed units: the hidden
    ones and, blind, the outputs.
    """
    units = point.network.sizes[1:] if outputs is Outputs.blind else point.network.sizes[1:-1]
    inputs = with_ones(point.pixels)

    def told(block: Block) -> list[tuple[np.ndarray, np.ndarray]]:
        block.back_propagate()
        values = [inputs[block.rows], *block.activations.values]
        return [
            (np.sum(np.square(below[: len(block)]), axis=1), np.sum(np.square(delta), axis=1))
            for below, delta, _ in zip(values, block.deltas, units, strict=False)
        ]

    _, blocks = point.objective.assign_credit(
        point.parameters, np.empty_like(point.parameters), told
    )
    total = 0.0
    for layers in blocks:
        deltas = sum(delta for _, delta in layers)
        for (energy, delta), n in zip(layers, units, strict=True):
            total += float(np.sum(energy * (n * deltas + delta)))
    return total


def _node(effort: Effort, outputs: Outputs) -> Outcome:
    point = Point.start(effort.seed, 16, 16)
    n = point.network.n_parameters
    loss_gradient = point.gradient * point.objective.batch_size / point.objective.cost.per_loss
    told = f"node_perturbation, outputs {outputs.value}"
    square, variance = float(loss_gradient @ loss_gradient), unit_variance(point, outputs)
    samples, total = [1, 4, 16, 64], effort.size(2000, 400)
    noise = noise_of("normal", effort.seed, point.network)
    estimates = np.empty((total, n))
    for estimate in estimates:
        NodePerturbation(_SCALE, outputs).estimate(
            point.objective, point.parameters, noise, estimate
        )
    estimates *= -1
    squares = np.array([np.sum(np.square(e - loss_gradient)) for e in estimates])
    cosines = []
    for k in samples:
        means = estimates[: total // k * k].reshape(-1, k, n).mean(axis=1)
        sample = np.array([cosine(mean, loss_gradient) for mean in means])
        cosines.append(intervals.mean(sample, 4))

    def predicted(k: float) -> float:
        return math.sqrt(square / (square + variance / k))

    fine = np.geomspace(1, 300, 40)
    checks = [
        Check("E|G' - G|^2 of one pass / |G|^2", variance / square,
              intervals.mean(squares / square, 4), rival=float(n)),
        Check("mean cosine, 16 passes", predicted(16), cosines[2], rival=mean_cosine(16, n)),
        Check("mean cosine, 64 passes", predicted(64), cosines[3], rival=mean_cosine(64, n)),
    ]  # fmt: skip
    picture = Picture(
        f"Noise on {_disturbed(point, outputs)} units, not on 8,000 weights",
        "passes", "mean cosine",
        [Curve("theory, noise on the units", fine, [predicted(k) for k in fine]),
         Curve("noise on the weights", fine, [mean_cosine(k, n) for k in fine], rival=True)],
        [intervals.points(told, samples, cosines)],
        log_x=True, log_y=True,
    )  # fmt: skip
    return Outcome(checks, picture)


def _disturbed(point: Point, outputs: Outputs) -> int:
    *hidden, last = point.network.sizes[1:]
    return sum(hidden) + (last if outputs is Outputs.blind else 0)


def learned_share(point: Point, rate: float, passes: np.ndarray) -> np.ndarray:
    """Share of the hidden layer's gradient in the mean direction, one hidden layer, (passes,).

    A unit's feedback closes the same part of what it lacks with every pass, on average over the
    noise: in proportion to the variance, over images, of what the unit passes on of its noise.
    """

    def told(block: Block) -> np.ndarray:
        slopes = 1 / (1 + np.square(block.sums(0)))
        block.back_propagate()
        return slopes

    out = np.empty_like(point.parameters)
    _, blocks = point.objective.assign_credit(point.parameters, out, told)
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
    estimating = LearnedFeedback(0.01, _RATE).begin(point.objective)
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
        "Feedback learned from noise becomes the way back", "passes", "",
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
        "nodes",
        "Noise on the units, drawn for every image, has a variance that grows with the units and "
        "not with the weights.",
        "E|G' - G|^2 = sum over images, layers of |x|^2 (U |delta|^2 + |delta_l|^2)",
        partial(_node, outputs=Outputs.known),
    ),
    Claim(
        "blind",
        "Told one number per image, the output units pay like the hidden ones: the same variance, "
        "with the outputs among the units.",
        "E|G' - G|^2 = sum over images, layers and outputs of |x|^2 (U |delta|^2 + |delta_l|^2)",
        partial(_node, outputs=Outputs.blind),
    ),
    Claim(
        "feedback",
        "Learned feedback estimates the way back, not the gradient: its error does not stay, and "
        "with one hidden layer the direction becomes exact.",
        "E[B_t] = W'(1 - (1 - rate E[N v_j / (N max v + sum v)])^t), "
        "v_j = var_i(slope_ij xi_ij); cos -> 1",
        _feedback,
    ),
]
