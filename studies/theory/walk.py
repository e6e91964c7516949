"""The walk of noise without a mean: the cost is its clock, not its compass."""

from collections.abc import Iterator

import numpy as np
from scipy import integrate, special

from noise_exp.training.estimators import CostScaled
from noise_exp.training.loop import EpochRecord, Schedule, train
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Vanilla
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture
from studies.theory.setting import noise_of, streams_of


def _walk(parameters: np.ndarray, lr: float, seed: int) -> Iterator[EpochRecord]:
    """Walk without end by one weight, on one image of one pixel; the bias stays as it is."""
    network = Network((1, 1), np.float64)
    objective = Objective(network, np.ones((1, 1)), np.array([1]))
    return train(
        objective, CostScaled([1.0]), Vanilla(lr, None), noise_of("normal", seed, network),
        parameters, Schedule(), streams_of(seed), frozen=[slice(1, 2)],
    )  # fmt: skip


def _leave(
    walks: int, lr: float, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[float, float]]:
    """Walk from 0 until [-1, 1] is left.

    Returns the place of leaving, the sum of (lr C)^2 and the number of steps, each (walks,), and
    the cost of every place that was met.
    """
    parameters, costs = np.zeros(2), {}
    walk = _walk(parameters, lr, seed)
    ends, clocks, steps = np.empty(walks), np.zeros(walks), np.zeros(walks)
    for i in range(walks):
        parameters[0] = 0
        while abs(parameters[0]) < 1:
            here = float(parameters[0])
            costs[here] = cost = next(walk).cost
            clocks[i] += (lr * cost) ** 2
            steps[i] += 1
        ends[i] = parameters[0]
    return ends, clocks, steps, costs


def _clock(effort: Effort) -> Outcome:
    walks, lr = effort.size(500, 120), 0.4
    ends, clocks, steps, costs = _leave(walks, lr, effort.seed)
    # A cost measured midway (Stratonovich) would send more walks to the wall that is dear.
    left, right = (
        integrate.quad(lambda w: 1 / (special.expit(w) - 1) ** 2, *span)[0]
        for span in ((-1, 0), (0, 1))
    )
    by_steps = float(np.mean(steps * (lr * costs[0.0]) ** 2 - clocks))
    checks = [
        Check("mean place of leaving [-1, 1], from 0, where the cost falls sevenfold", 0.0,
              intervals.mean(ends, 2), rival=(left - right) / (left + right)),
        Check("its mean square minus the sum of (lr C)^2", 0.0,
              intervals.mean(np.square(ends) - clocks, 2), rival=by_steps),
    ]  # fmt: skip
    where = np.array(sorted(costs))
    sides = [intervals.share(int(np.sum(side)), walks, 3) for side in (ends < 0, ends > 0)]
    picture = Picture(
        "Half of the walks leave where the cost is high", "weight", "",
        [Curve("cost", where, np.array([costs[w] for w in where]))],
        [intervals.points("share of walks that leave here", [-1, 1], sides)],
        y_range=(0, 0.8),
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "clock",
        "Noise of mean zero makes the weights a martingale: the cost says how fast they walk, not "
        "where to.",
        "E[w_exit] = w_0 and E[(w_exit - w_0)^2 - sum (lr C)^2] = 0 (optional stopping)",
        _clock,
    ),
]
