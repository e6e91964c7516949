"""Steps that are tried first: how many descend, and what accept-or-reject gains."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from noise_exp.training import article
from noise_exp.training.estimators import CostScaled, Spsa
from noise_exp.training.loop import Schedule, train
from noise_exp.training.noise import Noise
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import HillClimb, Moment
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture
from studies.theory.setting import (
    FINITE_LAWS,
    article_trial,
    cost_gradient,
    hessian_along,
    hessian_diagonal,
    network_for,
    noise_of,
    signals,
    streams_of,
    white_images,
)

_SCALES = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]  # of a step, in units of the article's last ones


def gain(u: float) -> float:
    """Mean gain of accept-or-reject, in units of |g|^2 / tr H, at u = s tr H / (2 |g|)."""
    return float(2 * (u * stats.norm.pdf(u) - u**2 * stats.norm.cdf(-u)))


def best_step() -> tuple[float, float, float]:
    """Return the u of the largest gain, its success probability and its gain."""
    u = float(optimize.minimize_scalar(lambda v: -gain(v), bounds=(0, 3), method="bounded").x)
    return u, float(stats.norm.cdf(-u)), gain(u)


def share_down(slope: np.ndarray, law: str) -> float:
    """P(dC < 0) of a small step with noise of a law.

    Parameters
    ----------
    slope
        The gradient times the signals, S g, shape (n_parameters,).
    """
    mean, deviation = FINITE_LAWS[law].mean(), FINITE_LAWS[law].std()
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
    plain, drifting = (noise_of(law, 1000 + seed, network) for law in ("normal", "gumbel"))
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


class _Slope:
    """A point whose curvature is spread over many directions, and what steps gain there.

    Gains are in units of |g|^2 / tr H.
    """

    def __init__(self, seed: int) -> None:
        images = white_images(seed)
        network = network_for(images)
        self._objective, self._start = images.objective(network), np.zeros(network.n_parameters)
        self._noise, self._chance = noise_of("normal", seed, network), np.random.default_rng(seed)
        self._here = self._objective.evaluate(self._start)
        gradient = cost_gradient(self._objective, self._start)[1]
        self._slope = float(np.linalg.norm(gradient))
        self._trace = float(np.sum(hessian_diagonal(self._objective, self._start)))
        self._along = float(gradient @ hessian_along(self._objective, self._start, gradient))
        self._unit = self._slope**2 / self._trace

    def tried(self, u: float, trials: int) -> np.ndarray:
        """Return the gains of steps of length u that are kept only if they gain, (trials,)."""
        moment = Moment(self._objective, self._here, 0, 0.0, self._chance)
        climb = HillClimb(2 * u * self._slope / self._trace, 1.5)
        direction, costs = np.empty_like(self._start), np.empty(trials)
        self._objective.known = self._here
        for i in range(trials):
            CostScaled([1.0]).estimate(self._objective, self._start, self._noise, direction)
            costs[i] = climb.begin(self._start).step(self._start.copy(), direction, moment).cost
        return (self._here.cost - costs) / self._unit

    def perturbed(self, trials: int) -> tuple[float, np.ndarray]:
        """Return the gain per evaluation of two-sided perturbation: expected, and (trials,).

        With its best constant learning rate; a step takes two evaluations.
        """
        rate = self._slope**2 / (self._slope**2 * self._trace + 2 * self._along)
        step = rate * self._objective.cost.per_loss / self._objective.batch_size
        direction, costs = np.empty_like(self._start), np.empty(trials)
        for i in range(trials):
            Spsa(1e-4, 1).estimate(self._objective, self._start, self._noise, direction)
            costs[i] = self._objective.evaluate(self._start + step * direction).cost
        expected = rate * self._slope**2 / 4 / self._unit
        return expected, (self._here.cost - costs) / 2 / self._unit


def _accept(effort: Effort) -> Outcome:
    slope, trials = _Slope(effort.seed), effort.size(4000, 800)
    best, success, most = best_step()
    fifth = float(-stats.norm.ppf(0.2))  # where the one-fifth rule settles
    steps = [0.1, 0.3, best, fifth, 1.0, 1.5, 2.0]
    tried = {u: slope.tried(u, trials) for u in steps}
    gains = {u: intervals.mean(gained, 5) for u, gained in tried.items()}
    succeeded = intervals.share(int(np.sum(tried[best] > 0)), trials, 5)
    by_spsa, perturbed = slope.perturbed(trials)
    checks = [
        Check("success of the best step", success, succeeded, rival=0.2),
        Check("its gain per evaluation, in |g|^2 / tr H", most, gains[best]),
        Check("gain of a short step, u = 0.1", gain(0.1), gains[0.1], rival=most),
        Check("gain of two-sided perturbation per evaluation", by_spsa,
              intervals.mean(perturbed, 5), rival=0.5),
        Check("gain of accept-or-reject at a success of one fifth", gain(fifth), gains[fifth],
              rival=0.25),
    ]  # fmt: skip
    fine = np.linspace(0.01, 2.2, 80)
    picture = Picture(
        "What accept-or-reject gains per evaluation", "step length, u = s tr H / (2 |g|)",
        "gain / (|g|² / tr H)",
        [
            Curve(f"theory: at most {most:.4f} at u = {best:.3f}", fine, [gain(u) for u in fine]),
            Curve("two-sided perturbation: 1/4", [0, 2.2], [0.25, 0.25], rival=True),
        ],
        [intervals.points("measured", steps, list(gains.values()))],
        y_range=(0, 0.3),
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
    Claim(
        "accept",
        "Where curvature is spread over many directions, the best accept-or-reject step succeeds "
        "with probability 0.27 and gains 0.2025 |g|^2 / tr H per evaluation.",
        "P = Phi(-u), gain = 2 (u phi(u) - u^2 Phi(-u)) |g|^2 / tr H, u = s tr H / (2 |g|)",
        _accept,
    ),
]
