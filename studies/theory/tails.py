"""Laws without a mean: one draw outweighs all others, and every unit saturates."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from noise_exp.report.intervals import Interval
from noise_exp.training import article
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import (
    article_trial,
    network_for,
    noise_of,
    read_out,
    zeros_and_ones,
)

_DRAWS = 60  # of each run's read-out, for its probability


def pareto_largest(n: int) -> float:
    """Median of the largest of n draws of numpy's pareto(1), P(X > x) = 1 / (1 + x)."""
    return 1 / (1 - 2 ** (-1 / n)) - 1


def zipf_largest(n: int) -> float:
    """Median of the largest of n draws of zipf(2), P(X >= k) = zeta(2, k) / zeta(2) ~ 6/(pi^2 k).

    In between the whole numbers, where it does not matter.
    """
    return 6 / math.pi**2 * n / math.log(2)


def _largest(effort: Effort) -> Outcome:
    sizes = [100, 1000, 10_000, 100_000]
    repeats = effort.size(2000, 300)
    network = network_for(zeros_and_ones().take(2), 2)
    checks, points = [], []
    for law, theory in (("pareto", pareto_largest), ("zipf", zipf_largest)):
        medians = []
        for n in sizes:
            noise, draws = noise_of(law, effort.seed, network), np.empty(n)
            largest = np.empty(repeats)
            for i in range(repeats):
                noise.fill(draws)
                largest[i] = draws.max()
            medians.append(intervals.median(largest, 8))
        checks += [
            Check(f"{law}: median of the largest of {n:,} draws, divided by n", theory(n) / n,
                  Interval(m.value / n, m.low / n, m.high / n))
            for n, m in zip(sizes, medians, strict=True) if n > 100
        ]  # fmt: skip
        points.append(intervals.points(law, sizes, medians))
    return Outcome(
        checks,
        Picture(
            "The largest of n draws grows like n", "draws n", "median of the largest",
            [
                Curve("pareto: n / ln 2", sizes, [pareto_largest(n) for n in sizes]),
                Curve("zipf: 6 n / (π² ln 2)", sizes, [zipf_largest(n) for n in sizes]),
                Curve("normal: √(2 ln n)", sizes, np.sqrt(2 * np.log(sizes)), rival=True),
            ],
            points, log_x=True, log_y=True,
        ),
    )  # fmt: skip


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


def _train(law: str, seed: int) -> _Saturated:
    trial = article_trial(law, seed, article.DROP_EPOCH, images=200, dtype=np.float32)
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
    nets = {law: [_train(law, first + i) for i in range(n)] for law, n in sizes.items()}
    alike = {law: intervals.share(sum(net.alike for net in nets[law]), n, 7)
             for law, n in sizes.items()}  # fmt: skip
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
    x, y = zip(*((i, net.spread) for i, law in enumerate(sizes) for net in nets[law]), strict=True)
    picture = Picture(
        "Without a mean, the output forgets the image", "",
        "spread over images / at start",
        points=[Points("networks after four epochs", x, np.maximum(y, 1e-8))],
        names=list(sizes), log_y=True,
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "largest",
        "The largest of n draws of pareto(1) or zipf(2) grows like n.",
        "median = 1 / (1 - 2^(-1/n)) - 1 ~ n / ln 2 for pareto, 6 n / (pi^2 ln 2) for zipf",
        _largest,
    ),
    Claim(
        "saturation",
        "pareto(1) and zipf(2) push every unit to the same end of its arctan: the output no "
        "longer depends on the image, and what it costs is what a constant costs. The constant "
        "drifts towards 1.",
        "s sum x xi ~ s n ln n >> 0.2 |x|; h -> pi/2, z -> pi/2 1'W3 + b3; W3 gains s sum xi > 0",
        _saturation,
    ),
]
