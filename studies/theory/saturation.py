"""Distributions without a mean saturate every unit."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from noise_exp.training import article
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Picture, Points
from studies.theory.setting import (
    article_trial,
    read_out,
)

_DRAWS = 60  # of each run's read-out, for its probability


def share_of_ones(costs: np.ndarray, seed: int) -> float:
    """P(a network of the article's size answers 1), all units at pi/2, by draws of scipy's.

    The read-out is pi/2 1'W3 + b3. Its weights begin normal and take the epochs' noise, pareto's,
    of which the part above 0 is all there is.

    Parameters
    ----------
    costs
        Of every epoch, in any number of runs: (runs, epochs).
    """
    units = article.HIDDEN[-1]
    spread = article.INIT_SCALE * math.sqrt(math.pi**2 / 4 * units + 1)
    steps = article.LR * article.SIGNAL[-1] * costs
    rng = np.random.default_rng(seed)
    sums = stats.lomax(1).rvs((_DRAWS, *steps.shape, units), random_state=rng).sum(axis=-1)
    drift = math.pi / 2 * np.sum(steps * sums, axis=-1)
    return float(np.mean(stats.norm.cdf(drift / spread)))


@dataclass(frozen=True)
class _Saturated:
    """What became of a network of the article's size."""

    alike: bool  # whether all images get one answer
    one: bool  # whether most get the answer 1
    spread: float  # of the read-out over images, over what it was before training
    gap: float  # between the cost and that of a constant output
    corner: float  # between the read-out and pi/2 1'W3 + b3
    costs: list[float]  # of every epoch


def _train(distribution: str, seed: int) -> _Saturated:
    trial = article_trial(distribution, seed, article.DROP_EPOCH, images=200, dtype=np.float32)
    pixels, ones = trial.split.train_images, float(np.mean(trial.split.train_labels))
    start = np.std(read_out(trial.network, trial.parameters, pixels))
    costs = [record.cost for record in trial.train()]
    sums = read_out(trial.network, trial.parameters, pixels)
    above, middle = float(np.mean(sums > 0)), float(np.mean(sums))
    constant = special.expit(middle)
    cost = trial.objective.evaluate(trial.trained).cost
    weights, bias = trial.network.views(trial.parameters)[-1]
    return _Saturated(
        alike=above in (0, 1),
        one=above > 0.5,
        spread=float(np.std(sums) / start),
        gap=abs(cost - ones * (1 - ones) - (constant - ones) ** 2),
        corner=float(abs(middle - math.pi / 2 * np.sum(weights) - bias[0])),
        costs=costs,
    )


def _saturation(effort: Effort) -> Outcome:
    few, many = effort.size(16, 12), effort.size(128, 64)
    first = effort.seed * many
    sizes = {"normal": few, "gumbel": few, "zipf": few, "pareto": many}
    nets = {
        distribution: [_train(distribution, first + i) for i in range(n)]
        for distribution, n in sizes.items()
    }
    alike = {distribution: intervals.share(sum(net.alike for net in nets[distribution]), n, 7)
             for distribution, n in sizes.items()}  # fmt: skip
    pareto = nets["pareto"]
    costs, spread, gap, corner = (
        np.array([getattr(net, key) for net in pareto])
        for key in ("costs", "spread", "gap", "corner")
    )
    checks = [
        Check("pareto: share of networks that answer all images alike", 0.5, alike["pareto"], ">"),
        Check("zipf: the same", 0.5, alike["zipf"], ">"),
        Check("normal: the same", 0.5, alike["normal"], "<"),
        Check("pareto: share of networks that answer 1", share_of_ones(costs, effort.seed),
              intervals.share(sum(net.one for net in pareto), many, 7), rival=0.5),
        Check("pareto: spread of the read-out over images / before training", 0.1,
              intervals.mean(spread, 7), "<"),
        Check("pareto: |cost - p(1-p) - (c-p)^2|, c the mean output", 0.001,
              intervals.mean(gap, 7), "<"),
        # Of networks, not their mean: a single output weight may outweigh all others.
        Check("pareto: |read-out - (pi/2 1'W3 + b3)|, median", 0.5,
              intervals.median(corner, 7), "<"),
    ]  # fmt: skip
    x, y = zip(
        *((i, net.spread) for i, distribution in enumerate(sizes) for net in nets[distribution]),
        strict=True,
    )
    picture = Picture(
        "Without a mean, the output forgets the image", "",
        "spread over images / at start",
        points=[Points("networks after four epochs", x, np.maximum(y, 1e-8))],
        names=list(sizes), log_y=True,
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "saturation",
        "pareto(1) and zipf(2) push every unit to the same end of its arctan: the output no "
        "longer depends on the image, and what it costs is what a constant costs. The constant "
        "drifts towards 1.",
        "s sum x xi ~ s n ln n >> 0.2 |x|; h -> pi/2, z -> pi/2 1'W3 + b3; W3 gains s sum xi > 0",
        _saturation,
    ),
]
