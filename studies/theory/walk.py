"""The walk of noise without a mean: the cost is its clock, not its compass."""

from collections.abc import Iterator

import numpy as np
from scipy import integrate, special, stats

from noise_exp.training.costs import Cost
from noise_exp.training.estimators import CostScaled
from noise_exp.training.loop import EpochRecord, Schedule, train
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Vanilla
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Sample
from studies.theory.setting import noise_of, streams_of

_WALL = 2.0  # of the stationary walk, in units where C = 1 + w^2
_FOLD = 50  # steps between looks at the stationary walk


class Parabola:
    """A cost with a known shape: 1 + (the output unit's sum)^2."""

    per_loss = 2.0

    def losses(self, sums: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """Return half of it, shape (images,)."""
        return 0.5 * (1 + np.sum(np.square(sums), axis=1))

    def deltas(self, outputs: np.ndarray, targets: np.ndarray, out: np.ndarray) -> None:  # noqa: ARG002
        """Write the derivative by the sum, which is the logit of the output."""
        np.log(outputs / (1 - outputs), out=out)


def _walk(
    parameters: np.ndarray, lr: float, seed: int, cost: Cost | None = None
) -> Iterator[EpochRecord]:
    """Walk without end by one weight, on one image of one pixel; the bias stays as it is."""
    network = Network((1, 1), np.float64)
    objective = Objective(network, np.ones((1, 1)), np.array([1]), cost=cost)
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


def stationary(wall: float, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (1 + w^2)^-power between walls as a density on a grid, by quadrature."""
    w = np.linspace(-wall, wall, 401)
    total = integrate.quad(lambda v: (1 + v * v) ** -power, -wall, wall)[0]
    return w, (1 + w * w) ** -power / total


def student_share(inner: float, wall: float) -> float:
    """P(|w| < inner) of the truncated Student law with 3 degrees of freedom, scale 1/sqrt(3)."""
    law = stats.t(3, scale=np.sqrt(1 / 3))
    inside, whole = (law.cdf(x) - law.cdf(-x) for x in (inner, wall))
    return float(inside / whole)


def _student(effort: Effort) -> Outcome:
    parameters, places = np.zeros(2), np.empty(effort.size(2400, 600) * _FOLD)
    walk = _walk(parameters, 0.05, effort.seed, Parabola())
    for i in range(len(places)):
        next(walk)
        w = parameters[0]
        if abs(w) > _WALL:
            parameters[0] = np.sign(w) * 2 * _WALL - w  # a reflecting wall
        places[i] = parameters[0]
    inner = 0.5
    inside = np.abs(places) < inner
    batches = inside.reshape(30, -1).mean(axis=1)  # long against the walk's memory
    grid, density = stationary(_WALL, 2.0)
    by_stratonovich = float(np.arctan(inner) / np.arctan(_WALL))  # of 1/C
    return Outcome(
        [
            Check(
                f"share of time that |w| < {inner}", student_share(inner, _WALL),
                intervals.mean(batches), rival=by_stratonovich,
            ),
        ],
        Picture(
            "Where a walk with C = 1 + w² spends its time", "weight", "density",
            [
                Curve("Student t, 3 degrees of freedom, truncated", grid, density),
                Curve("1/C, by Stratonovich's calculus", *stationary(_WALL, 1.0), rival=True),
            ],
            samples=[Sample("measured", places[::10])],
            y_range=(0, 1.0),
        ),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "clock",
        "Noise of mean zero makes the weights a martingale: the cost says how fast they walk, not "
        "where to.",
        "E[w_exit] = w_0 and E[(w_exit - w_0)^2 - sum (lr C)^2] = 0 (optional stopping)",
        _clock,
    ),
    Claim(
        "student",
        "Between walls and with C = C0 + k w^2/2 a walk settles into a truncated Student law.",
        "p(w) ~ C(w)^-2: t with 3 degrees of freedom, scale sqrt(2 C0 / 3k)",
        _student,
    ),
]
