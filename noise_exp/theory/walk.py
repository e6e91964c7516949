"""The walk of noise without a mean: the cost is its clock, not its compass."""

import numpy as np
from scipy import integrate, special, stats

from noise_exp.figures.theory import Curve, Picture, Points, Sample
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import noise_of
from noise_exp.training.estimators import CostScaled
from noise_exp.training.network import Network
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.optimizers import Moment, Vanilla

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


class _Walker:
    """A network of one weight on one image of one pixel; its bias stays at 0."""

    def __init__(self, cost: Parabola | None, lr: float, seed: int) -> None:
        network = Network((1, 1), np.float64)
        self._objective = Objective(network, np.ones((1, 1)), np.array([1]), cost=cost)
        self._estimator = CostScaled([1.0], Repair.none)
        self._optimizer = Vanilla(lr, None, 0.0)
        self._noise = noise_of("normal", seed, network)
        self._chance = np.random.default_rng(seed)
        self._direction = np.empty(2)
        self.parameters = np.zeros(2)

    def step(self) -> Evaluation:
        """Take one of training's steps; return what was measured before it."""
        evaluation = self._estimator.estimate(
            self._objective, self.parameters, self._noise, None, self._direction
        )
        self._direction[1] = 0
        moment = Moment(self._objective, evaluation, 0, 0.0, self._chance)
        self._optimizer.step(self.parameters, self._direction, moment)
        return evaluation


def _clock(effort: Effort) -> Found:
    walks, lr = effort.size(500, 120), 0.4
    walker = _Walker(None, lr, effort.seed)
    ends, clocks, steps = np.empty(walks), np.zeros(walks), np.empty(walks)
    costs: dict[float, float] = {}
    for i in range(walks):
        walker.parameters[:] = 0
        steps[i] = 0
        while abs(walker.parameters[0]) < 1:
            here = float(walker.parameters[0])
            cost = walker.step().cost
            costs[here] = cost
            clocks[i] += (lr * cost) ** 2
            steps[i] += 1
        ends[i] = walker.parameters[0]
    where = np.array(sorted(costs))
    # A cost measured midway (Stratonovich) would send more walks to the wall that is dear.
    left, right = (
        integrate.quad(lambda w: 1 / (special.expit(w) - 1) ** 2, *span)[0]
        for span in ((-1, 0), (0, 1))
    )
    by_steps = float(np.mean(steps * (lr * costs[0.0]) ** 2 - clocks))
    return Found(
        [
            Check(
                "mean place of leaving [-1, 1], from 0, where the cost falls sevenfold",
                0.0, intervals.mean(ends, 2), rival=(left - right) / (left + right),
            ),
            Check(
                "its mean square minus the sum of (lr C)^2", 0.0,
                intervals.mean(np.square(ends) - clocks, 2), rival=by_steps,
            ),
        ],
        Picture(
            "Half of the walks leave where the cost is high", "weight", "",
            [Curve("cost", where, np.array([costs[w] for w in where]))],
            [Points(
                "share of walks that leave here", [-1, 1],
                [float(np.mean(ends < 0)), float(np.mean(ends > 0))],
                *np.transpose([
                    (f.low, f.high) for f in (
                        intervals.share(int(np.sum(ends < 0)), walks, 3),
                        intervals.share(int(np.sum(ends > 0)), walks, 3),
                    )
                ]),
            )],
            y_range=(0, 0.8),
        ),
    )  # fmt: skip


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


def _student(effort: Effort) -> Found:
    lr, looks = 0.05, effort.size(2400, 600)
    walker = _Walker(Parabola(), lr, effort.seed)
    places = np.empty(looks * _FOLD)
    for i in range(len(places)):
        walker.step()
        w = walker.parameters
        if abs(w[0]) > _WALL:
            w[0] = np.sign(w[0]) * 2 * _WALL - w[0]  # a reflecting wall
        places[i] = w[0]
    inner = 0.5
    inside = np.abs(places) < inner
    batches = inside.reshape(30, -1).mean(axis=1)  # long against the walk's memory
    w, density = stationary(_WALL, 2.0)
    by_stratonovich = float(np.arctan(inner) / np.arctan(_WALL))  # of 1/C
    return Found(
        [
            Check(
                f"share of time that |w| < {inner}", student_share(inner, _WALL),
                intervals.mean(batches), rival=by_stratonovich,
            ),
        ],
        Picture(
            "Where a walk with C = 1 + w² spends its time", "weight", "density",
            [
                Curve("Student t, 3 degrees of freedom, truncated", w, density),
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
