"""What outputs cost that know nothing, and what a random network is worth."""

import math

import numpy as np
from scipy import stats

from noise_exp.training import article
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points, Sample
from studies.theory.setting import initial, network_for, zeros_and_ones

_ROUNDING = 1e-9


def _constants() -> tuple[float, float, float]:
    """Return the share of ones, and the costs of that share and of 1 as constant outputs."""
    images = zeros_and_ones()
    network = network_for(images, 8, 8)
    objective = images.objective(network)
    ones = float(np.mean(images.labels))

    def constant_cost(output: float) -> float:
        parameters = np.zeros(network.n_parameters)
        parameters[-1] = math.log(output / (1 - output))  # the bias of the output unit
        return objective.evaluate(parameters).cost

    return ones, constant_cost(ones), constant_cost(1 - 1e-13)


def _random(networks: int, first_seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return random networks' costs, error rates, and costs once saturated, each (networks,)."""
    images = zeros_and_ones()
    network = network_for(images, 64, 64)
    objective = images.objective(network)
    costs, rates, saturated = np.empty(networks), np.empty(networks), np.empty(networks)
    for i in range(networks):
        scale = article.INIT_SCALE / (10 if i % 2 else 1)
        parameters = initial(network, first_seed + i, scale)
        here = objective.evaluate(parameters)
        costs[i], rates[i] = here.cost, here.error_rate
        network.matrices(parameters)[-1][...] *= 1e9
        saturated[i] = objective.evaluate(parameters).cost
    return costs, rates, saturated


def _constant(effort: Effort) -> Outcome:
    ones, best, always_one = _constants()
    networks = effort.size(150, 30)
    costs, rates, saturated = _random(networks, effort.seed * networks)
    outside = (costs < rates / 4) | (costs > rates + (1 - rates) / 4)
    checks = [
        Check("cost of the best constant, p (1 - p)", ones * (1 - ones),
              intervals.exact(best, _ROUNDING)),
        Check("cost of always 1: the share of zeros", 1 - ones,
              intervals.exact(always_one, _ROUNDING)),
        Check("random networks outside err/4 <= C <= err + (1 - err)/4", 0.0,
              intervals.exact(float(np.sum(outside)), 0)),
        Check("largest |C - err| with the read-out scaled up until it saturates", 0.0,
              intervals.exact(float(np.max(np.abs(saturated - rates))), 1e-6)),
    ]  # fmt: skip
    rate = np.array([0.0, 1.0])
    picture = Picture(
        "What a cost says about errors", "error rate", "cost",
        [
            Curve("saturated outputs: cost = error rate", rate, rate),
            Curve("bounds", rate, rate / 4, rival=True),
            Curve("", rate, rate + (1 - rate) / 4, rival=True),
            Curve(f"best constant, {ones * (1 - ones):.3f}", rate, [ones * (1 - ones)] * 2),
        ],
        [Points("random networks", rates, costs), Points("the same, saturated", rates, saturated)],
    )  # fmt: skip
    return Outcome(checks, picture)


def _mirror(effort: Effort) -> Outcome:
    images = zeros_and_ones().take(400)
    network = network_for(images, 128, 128)
    objective = images.objective(network)
    networks = effort.size(400, 60)
    rates, sums = np.empty(networks), np.empty(networks)
    for i in range(networks):
        parameters = initial(network, effort.seed * networks + i)
        rates[i] = objective.evaluate(parameters).error_rate
        network.matrices(parameters)[-1][...] *= -1
        sums[i] = rates[i] + objective.evaluate(parameters).error_rate
    bins = np.linspace(0, 1, 21).tolist()
    both = np.concatenate([rates, 1 - rates])
    height, _ = np.histogram(both, bins, density=True)
    return Outcome(
        [
            Check("error rate + error rate with the read-out negated, largest deviation from 1",
                  0.0, intervals.exact(float(np.max(np.abs(sums - 1))), _ROUNDING)),
            Check("share of random networks that beat chance", 0.5,
                  intervals.share(int(np.sum(rates < 0.5)), networks, 3)),
            Check("skewness of their error rates", 0.0,
                  intervals.bootstrap((rates,), stats.skew, effort.seed, 3)),
        ],
        Picture(
            "A random network beats chance half the time", "error rate of a random network",
            "density",
            [Curve("made symmetric about 1/2", np.repeat(bins, 2)[1:-1], np.repeat(height, 2))],
            samples=[Sample("measured", rates, bins)],
        ),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "constant",
        "The best constant output costs p(1 - p), a saturated one its class fraction, a saturated "
        "network its error rate, which bounds any network's cost from both sides.",
        "min_c p(1-c)^2 + (1-p)c^2 = p(1-p); err/4 <= C <= err + (1 - err)/4",
        _constant,
    ),
    Claim(
        "mirror",
        "Negating the read-out turns error rate e into 1 - e, and both are equally likely: a "
        "random network beats chance half the time.",
        "sigmoid(-z) = 1 - sigmoid(z), so e(-W3, -b3) = 1 - e(W3, b3)",
        _mirror,
    ),
]
