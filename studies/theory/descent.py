"""Where a run stalls: how many small steps descend, and that keeping those does."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from noise_exp.training import article
from noise_exp.training.estimators import CostScaled
from noise_exp.training.loop import Schedule, train
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import HillClimb
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture
from studies.theory.setting import (
    FINITE_DISTRIBUTIONS,
    article_trial,
    cost_gradient,
    noise_of,
    signals,
    streams_of,
)

_SCALES = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]  # of a step, in units of the article's last ones


def share_down(slope: np.ndarray, distribution: str) -> float:
    """P(dC < 0) of a small step with noise of a distribution.

    Parameters
    ----------
    slope
        The gradient times the signals, S g, shape (n_parameters,).
    """
    mean, deviation = (
        FINITE_DISTRIBUTIONS[distribution].mean(),
        FINITE_DISTRIBUTIONS[distribution].std(),
    )
    return float(stats.norm.cdf(-mean * np.sum(slope) / (deviation * np.linalg.norm(slope))))


@dataclass(frozen=True)
class _Stalled:
    """What small steps do to a network that has stalled.

    Attributes
    ----------
    downhill
        Of each scale's steps with normal noise, how many lower the cost, (scales,).
    likely
        Probability of the side that gumbel's mean foretells.
    foreseen
        How many of gumbel's steps go to that side.
    climbed
        Cost after trials of accept-or-reject, as a share of that before.
    """

    downhill: np.ndarray
    likely: float
    foreseen: int
    climbed: float


def _stall(seed: int, draws: int, trials: int) -> _Stalled:
    trial = article_trial("normal", seed, 20, images=200, hidden=(64, 64))
    for _ in trial.train():
        pass
    objective, parameters, network = trial.objective, trial.trained, trial.network
    # Not the noise that it was trained with.
    plain, drifting = (
        noise_of(distribution, 1000 + seed, network) for distribution in ("normal", "gumbel")
    )
    cost, gradient = cost_gradient(objective, parameters)
    down = share_down(signals(network) * gradient, "gumbel")
    objective.known = objective.evaluate(parameters)
    direction, estimator = np.empty_like(parameters), CostScaled()

    def descends(scale: float) -> bool:
        there = parameters + scale * article.DROPPED_LR * direction
        return objective.evaluate(there).cost < cost

    downhill, foreseen = np.zeros(len(_SCALES), int), 0
    for _ in range(draws):
        estimator.estimate(objective, parameters, plain, direction)
        downhill += [descends(scale) for scale in _SCALES]
        estimator.estimate(objective, parameters, drifting, direction)
        foreseen += descends(_SCALES[0]) == (down > 0.5)
    after = _climb(objective, parameters, plain, article.DROPPED_LR * cost, trials)
    return _Stalled(downhill, max(down, 1 - down), foreseen, after / cost)


def _climb(
    objective: Objective, parameters: np.ndarray, noise: Noise, length: float, trials: int
) -> float:
    """Return the cost after trials of accept-or-reject; changes the parameters."""
    climb = train(
        objective, CostScaled([1.0] * objective.network.layers), HillClimb(length, 1.5), noise,
        parameters, Schedule(trials), streams_of(0),
    )  # fmt: skip
    for _ in climb:
        pass
    return objective.evaluate(parameters).cost


def _stalled(effort: Effort) -> Outcome:
    nets, draws, trials = effort.size(8, 4), effort.size(150, 60), effort.size(1500, 400)
    stalled = [_stall(effort.seed * nets + i, draws, trials) for i in range(nets)]
    hits = np.sum([s.downhill for s in stalled], axis=0)
    downhill = [intervals.share(int(k), nets * draws, 4) for k in hits]
    foreseen = intervals.share(sum(s.foreseen for s in stalled), nets * draws, 4)
    checks = [
        Check("normal: share of steps downhill, a hundredth of the article's after its drop",
              0.5, downhill[0], rival=0.0),
        Check("normal: the same, the article's own", 0.5, downhill[_SCALES.index(1.0)], rival=0.0),
        Check("gumbel: share of steps to the side that its mean foretells, a hundredth",
              float(np.mean([s.likely for s in stalled])), foreseen, rival=0.5),
        Check(f"cost after {trials} trials of accept-or-reject / before", 0.5,
              intervals.mean(np.array([s.climbed for s in stalled]), 4), "<"),
    ]  # fmt: skip
    picture = Picture(
        "At a stalled point half of all small steps descend",
        "step / the article's after its drop", "share of steps downhill",
        [
            Curve("small steps where the slope is not 0", _SCALES[:4], [0.5] * 4),
            Curve("a local minimum", _SCALES, [0.0] * len(_SCALES), rival=True),
        ],
        [intervals.points("measured", _SCALES, downhill)],
        log_x=True, y_range=(-0.02, 0.65),
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "stalled",
        "Where a run stalls, half of small steps without a mean descend: no local minimum. With a "
        "mean, the mean decides.",
        "P(dC < 0) -> Phi(-mu 1'Sg / (sigma |Sg|)), 1/2 if mu = 0; at a local minimum it is 0",
        _stalled,
    ),
]
