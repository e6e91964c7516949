"""Laws without a mean: one draw outweighs all others, and every unit saturates."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from noise_exp.figures.theory import Curve, Picture, Points
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import (
    DROP_EPOCH,
    INIT_SCALE,
    LR,
    SIGNAL,
    Images,
    initial,
    network_for,
    noise_of,
    read_out,
    train_as_article,
    zeros_and_ones,
)
from noise_exp.training.network import Network

_ARTICLE = (840, 1024)
_DRAWS = 60  # of each run's read-out, for its probability


def pareto_largest(n: int) -> float:
    """Median of the largest of n draws of numpy's pareto(1), P(X > x) = 1 / (1 + x)."""
    return 1 / (1 - 2 ** (-1 / n)) - 1


def zipf_largest(n: int) -> float:
    """Median of the largest of n draws of zipf(2), P(X >= k) = zeta(2, k) / zeta(2) ~ 6/(pi^2 k).

    In between the whole numbers, where it does not matter.
    """
    return 6 / math.pi**2 * n / math.log(2)


def _largest(effort: Effort) -> Found:
    sizes = [100, 1000, 10_000, 100_000]
    repeats = effort.size(2000, 300)
    network = network_for(zeros_and_ones().take(2), 2)
    checks, points = [], []
    for law, theory in (("pareto", pareto_largest), ("zipf", zipf_largest)):
        found = []
        for n in sizes:
            noise, draws = noise_of(law, effort.seed, network), np.empty(n)
            largest = np.empty(repeats)
            for i in range(repeats):
                noise.fill(draws)
                largest[i] = draws.max()
            found.append(intervals.median(largest, 8))
        checks += [
            Check(f"{law}: median of the largest of {n:,} draws, divided by n", theory(n) / n,
                  intervals.Interval(f.value / n, f.low / n, f.high / n))
            for n, f in zip(sizes, found, strict=True) if n > 100
        ]  # fmt: skip
        points.append(intervals.points(law, sizes, found))
    return Found(
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
    spread = INIT_SCALE * math.sqrt(math.pi**2 / 4 * _ARTICLE[-1] + 1)
    steps = LR * SIGNAL[-1] * costs
    rng = np.random.default_rng(seed)
    sums = stats.lomax(1).rvs((_DRAWS, *steps.shape, _ARTICLE[-1]), random_state=rng).sum(axis=-1)
    drift = math.pi / 2 * np.sum(steps * sums, axis=-1)
    return float(np.mean(stats.norm.cdf(drift / spread)))


@dataclass
class _Saturated:
    """What became of networks of the article's size, one number for each."""

    alike: list[bool]  # whether all images get one answer
    ones: list[bool]  # whether most get the answer 1
    spread: list[float]  # of the read-out over images, over what it was before training
    gap: list[float]  # between the cost and that of a constant output
    corner: list[float]  # between the read-out and pi/2 1'W3 + b3
    costs: list[list[float]]


def _train(images: Images, law: str, seeds: range) -> _Saturated:
    network = Network((images.pixels.shape[1], *_ARTICLE, 1), np.float32)
    objective = images.objective(network)
    ones = float(np.mean(images.labels))
    found = _Saturated([], [], [], [], [], [])
    for seed in seeds:
        parameters = initial(network, seed)
        start = np.std(read_out(network, parameters, images.pixels))
        records = train_as_article(objective, law, parameters, seed, DROP_EPOCH)
        found.costs.append([record.cost for record in records])
        sums = read_out(network, parameters, images.pixels)
        above = float(np.mean(sums > 0))
        found.alike.append(above in (0, 1))
        found.ones.append(above > 0.5)
        found.spread.append(float(np.std(sums) / start))
        constant = special.expit(np.mean(sums))
        cost = objective.evaluate(parameters).cost
        found.gap.append(abs(cost - ones * (1 - ones) - (constant - ones) ** 2))
        weights, bias = network.views(parameters)[-1]
        found.corner.append(abs(np.mean(sums) - math.pi / 2 * np.sum(weights) - bias[0]))
    return found


def _saturation(effort: Effort) -> Found:
    images = zeros_and_ones().take(200)
    nets, more = effort.size(16, 12), effort.size(128, 32)
    first = effort.seed * more
    laws = ["normal", "gumbel", "zipf", "pareto"]
    found = {law: _train(images, law, range(first, first + nets)) for law in laws[:-1]}
    found["pareto"] = pareto = _train(images, "pareto", range(first, first + more))
    alike = {law: intervals.share(sum(f.alike), len(f.alike), 7) for law, f in found.items()}
    x = [i for i, law in enumerate(laws) for _ in found[law].spread]
    return Found(
        [
            Check("pareto: share of networks that answer all images alike", 0.5, alike["pareto"],
                  ">"),
            Check("zipf: the same", 0.5, alike["zipf"], ">"),
            Check("normal: the same", 0.5, alike["normal"], "<"),
            Check("pareto: share of networks that answer 1",
                  share_of_ones(np.array(pareto.costs), effort.seed),
                  intervals.share(sum(pareto.ones), more, 7), rival=0.5),
            Check("pareto: spread of the read-out over images / before training", 0.1,
                  intervals.mean(np.array(pareto.spread), 7), "<"),
            Check("pareto: |cost - p(1-p) - (c-p)^2|, c the mean output", 0.001,
                  intervals.mean(np.array(pareto.gap), 7), "<"),
            # Of networks, not their mean: a single output weight may outweigh all others.
            Check("pareto: |read-out - (pi/2 1'W3 + b3)|, median", 0.5,
                  intervals.median(np.array(pareto.corner), 7), "<"),
        ],
        Picture(
            "Without a mean, the output forgets the image", "",
            "spread over images / at start",
            points=[Points("networks after four epochs", x,
                           np.maximum([s for law in laws for s in found[law].spread], 1e-8))],
            names=laws, log_y=True,
        ),
    )  # fmt: skip


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
