"""Estimates from noise on the weights in the form of products of two small matrices."""

import numpy as np

from noise_exp.training.estimators import LowRankES
from noise_exp.training.estimators.low_rank import Images
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture
from studies.theory.setting import noise_of
from studies.theory.weights import SCALE, Point


def low_rank_variance(point: Point, rank: int) -> float:
    """E|G' - G|^2 / |G|^2 of one pair whose members differ by a product of normal matrices.

    A layer's weights and biases, m x n, move by the sum of `rank` products of a column and a row,
    over the root of `rank`, independent of the other layers.
    """
    shapes = point.network.shapes()
    total, square = sum(m * n for m, n in shapes), float(point.gradient @ point.gradient)
    expected = 0.0
    for matrix, (m, n) in zip(point.network.matrices(point.gradient), shapes, strict=True):
        own = ((m + 2) * (n + 2) + (rank - 1) * (m * n + 2)) / rank
        expected += float(np.sum(np.square(matrix))) * (own + total - m * n)
    return expected / square - 1


def _low_rank(effort: Effort) -> Outcome:
    point, total = Point.start(effort.seed, 4, 4), effort.size(12000, 5000)
    ranks, full = [1, 2, 8], point.network.n_parameters + 1.0
    loss_gradient = point.gradient * point.objective.batch_size / point.objective.cost.per_loss
    square, out = float(loss_gradient @ loss_gradient), np.empty_like(point.parameters)
    measured = []
    for rank in ranks:
        noise = noise_of("normal", effort.seed, point.network)
        estimator = LowRankES(SCALE, 1, rank, Images.all)
        squares = np.empty(total)
        for i in range(total):
            estimator.estimate(point.objective, point.parameters, noise, out)
            squares[i] = np.sum(np.square(out + loss_gradient)) / square
        measured.append(intervals.mean(squares, len(ranks)))
    checks = [
        Check(f"E|G' - G|^2 of one pair / |G|^2, rank {rank}", low_rank_variance(point, rank),
              interval, rival=full if rank == 1 else None)
        for rank, interval in zip(ranks, measured, strict=True)
    ]  # fmt: skip
    fine = np.arange(1, 17)
    picture = Picture(
        "Noise of low rank: what it costs", "rank", "E|G' - G|^2 / |G|^2",
        [Curve("theory", fine, [low_rank_variance(point, int(rank)) for rank in fine]),
         Curve("noise of full rank", fine, [full] * len(fine), rival=True)],
        [intervals.points("low_rank_es", ranks, measured)],
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "low_rank",
        "Noise in the form of products of two small matrices costs little more than full noise: "
        "with one column and one row, (m+2)(n+2) in the place of mn.",
        "E|G' - G|^2 + |G|^2 = sum_l |G_l|^2 (((m+2)(n+2) + (r-1)(mn+2))/r + M - mn)",
        _low_rank,
    ),
]
