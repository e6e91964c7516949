"""Steps that are tried first: how many descend, and what accept-or-reject gains."""

import numpy as np
from scipy import optimize, stats

from noise_exp.figures.theory import Curve, Picture
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import (
    DROPPED_LR,
    FINITE_LAWS,
    SIGNAL,
    cost_gradient,
    hessian_along,
    hessian_diagonal,
    initial,
    network_for,
    noise_of,
    signals,
    train_as_article,
    white_images,
    zeros_and_ones,
)
from noise_exp.training.estimators import CostScaled, Noise, Spsa
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Evaluation, Objective
from noise_exp.training.optimizers import HillClimb, Moment


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


def _stalled(effort: Effort) -> Found:
    images = zeros_and_ones().take(200)
    network = network_for(images, 64, 64)
    objective = images.objective(network)
    scales = [0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]
    nets, draws, trials = effort.size(8, 4), effort.size(150, 60), effort.size(1500, 400)
    downhill = np.zeros(len(scales), int)
    expected, foreseen, ratios = np.empty(nets), 0, np.empty(nets)
    for i in range(nets):
        seed = effort.seed * nets + i
        parameters = initial(network, seed)
        for _ in train_as_article(objective, "normal", parameters, seed, 20):
            pass
        here, direction = objective.evaluate(parameters), np.empty_like(parameters)
        # Not the noise that it was trained with.
        plain, drifting = (noise_of(law, 1000 + seed, network) for law in ("normal", "gumbel"))
        estimator = CostScaled(SIGNAL, Repair.none)
        down = share_down(signals(network) * cost_gradient(objective, parameters)[1], "gumbel")
        expected[i] = max(down, 1 - down)
        for _ in range(draws):
            estimator.estimate(objective, parameters, plain, here, direction)
            for k, scale in enumerate(scales):
                there = objective.evaluate(parameters + scale * DROPPED_LR * direction)
                downhill[k] += there.cost < here.cost
            estimator.estimate(objective, parameters, drifting, here, direction)
            there = objective.evaluate(parameters + scales[0] * DROPPED_LR * direction)
            foreseen += (there.cost < here.cost) == (down > 0.5)
        ratios[i] = _climbed(objective, parameters, plain, here, trials) / here.cost
    found = [intervals.share(int(d), nets * draws, 4) for d in downhill]
    return Found(
        [
            Check("normal: share of steps downhill, a hundredth of the article's after its drop",
                  0.5, found[0], rival=0.0),
            Check("normal: the same, the article's own", 0.5, found[scales.index(1.0)], rival=0.0),
            Check("gumbel: share of steps to the side that its mean foretells, a hundredth",
                  float(np.mean(expected)), intervals.share(foreseen, nets * draws, 4), rival=0.5),
            Check(f"cost after {trials} trials of accept-or-reject / before", 0.5,
                  intervals.mean(ratios, 4), "<"),
        ],
        Picture(
            "At a stalled point half of all small steps descend",
            "step / the article's after its drop", "share of steps downhill",
            [
                Curve("small steps where the slope is not 0", scales[:4], [0.5] * 4),
                Curve("a local minimum", scales, [0.0] * len(scales), rival=True),
            ],
            [intervals.points("measured", scales, found)],
            log_x=True, y_range=(-0.02, 0.65),
        ),
    )  # fmt: skip


def _climbed(
    objective: Objective, parameters: np.ndarray, noise: Noise, here: Evaluation, trials: int
) -> float:
    """Return the cost after trials of accept-or-reject; changes the parameters."""
    climb = HillClimb(DROPPED_LR * here.cost, 1.5)
    climber, direction = CostScaled([1.0, 1.0, 1.0], Repair.none), np.empty_like(parameters)
    chance = np.random.default_rng(0)  # accept-or-reject has none
    for _ in range(trials):
        climber.estimate(objective, parameters, noise, here, direction)
        here = climb.step(parameters, direction, Moment(objective, here, 0, 0.0, chance))
    return here.cost


def _accept(effort: Effort) -> Found:
    images = white_images(effort.seed)
    network = network_for(images)
    objective, start = images.objective(network), np.zeros(network.n_parameters)
    noise = noise_of("normal", effort.seed, network)
    cost, g = cost_gradient(objective, start)
    slope, trace = float(np.linalg.norm(g)), float(np.sum(hessian_diagonal(objective, start)))
    along = float(g @ hessian_along(objective, start, g))
    unit = slope**2 / trace
    best, success, most = best_step()
    trials, here = effort.size(4000, 800), objective.evaluate(start)
    chance = np.random.default_rng(effort.seed)
    moment = Moment(objective, here, 0, 0.0, chance)
    estimator, direction = CostScaled([1.0], Repair.none), np.empty_like(start)
    fifth = float(-stats.norm.ppf(0.2))  # where the one-fifth rule settles
    steps = [0.1, 0.3, best, fifth, 1.0, 1.5, 2.0]
    rates, gains = [], []
    for u in steps:
        accepted = np.empty(trials)
        for i in range(trials):
            estimator.estimate(objective, start, noise, here, direction)
            parameters = start.copy()
            there = HillClimb(2 * u * slope / trace, 1.5).step(parameters, direction, moment)
            accepted[i] = (cost - there.cost) / unit
        rates.append(intervals.share(int(np.sum(accepted > 0)), trials, 5))
        gains.append(intervals.mean(accepted, 5))
    # Two-sided weight perturbation with the best constant learning rate, two passes a step.
    spsa = Spsa(1e-4, 1, Repair.none)
    rate = slope**2 / (slope**2 * trace + 2 * along)
    per_loss = objective.cost.per_loss / objective.batch_size
    perturbed = np.empty(trials)
    for i in range(trials):
        spsa.estimate(objective, start, noise, None, direction)
        there = objective.evaluate(start + rate * per_loss * direction)
        perturbed[i] = (cost - there.cost) / 2 / unit
    spsa_gain = rate * slope**2 / 4 / unit
    fine = np.linspace(0.01, 2.2, 80)
    middle = steps.index(best)
    return Found(
        [
            Check("success of the best step", success, rates[middle], rival=0.2),
            Check("its gain per evaluation, in |g|^2 / tr H", most, gains[middle]),
            Check("gain of a short step, u = 0.1", gain(0.1), gains[0],
                  rival=most),
            Check("gain of two-sided perturbation per evaluation", spsa_gain,
                  intervals.mean(perturbed, 5), rival=0.5),
            Check("gain of accept-or-reject at a success of one fifth", gain(fifth),
                  gains[steps.index(fifth)], rival=0.25),
        ],
        Picture(
            "What accept-or-reject gains per evaluation", "step length, u = s tr H / (2 |g|)",
            "gain / (|g|² / tr H)",
            [
                Curve(f"theory: at most {most:.4f} at u = {best:.3f}", fine,
                      [gain(u) for u in fine]),
                Curve("two-sided perturbation: 1/4", [0, 2.2], [0.25, 0.25], rival=True),
            ],
            [intervals.points("measured", steps, gains)],
            y_range=(0, 0.3),
        ),
    )  # fmt: skip


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
