"""Laws without a mean: one draw outweighs all others, and every unit saturates."""

import math

import numpy as np
from scipy import special

from noise_exp.figures.theory import Curve, Picture, Points
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import (
    DROP_EPOCH,
    INIT_SCALE,
    initial,
    network_for,
    noise_of,
    read_out,
    train_as_article,
    zeros_and_ones,
)

_ARTICLE = (840, 1024)


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
        points.append(
            Points(law, sizes, [f.value for f in found], [f.low for f in found],
                   [f.high for f in found])
        )  # fmt: skip
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


def _saturation(effort: Effort) -> Found:
    images = zeros_and_ones().take(200)
    network = network_for(images, *_ARTICLE)
    network = type(network)(network.sizes, np.float32)
    objective = images.objective(network)
    ones = float(np.mean(images.labels))
    nets = effort.size(16, 12)
    laws = ["normal", "gumbel", "zipf", "pareto"]
    shares, spreads = np.empty((len(laws), nets)), np.empty((len(laws), nets))
    gaps, corners = np.empty((len(laws), nets)), np.empty((len(laws), nets))
    for i, law in enumerate(laws):
        for j in range(nets):
            seed = effort.seed * nets + j
            parameters = initial(network, seed)
            start = np.std(read_out(network, parameters, images.pixels))
            for _ in train_as_article(objective, law, parameters, seed, DROP_EPOCH):
                pass
            sums = read_out(network, parameters, images.pixels)
            above = float(np.mean(sums > 0))
            shares[i, j] = max(above, 1 - above)
            spreads[i, j] = np.std(sums) / start
            constant = special.expit(np.mean(sums))
            cost = objective.evaluate(parameters).cost
            gaps[i, j] = abs(cost - ones * (1 - ones) - (constant - ones) ** 2)
            weights, bias = network.views(parameters)[-1]
            corners[i, j] = np.mean(sums) - math.pi / 2 * np.sum(weights) - bias[0]
    spread = INIT_SCALE * math.sqrt(math.pi**2 / 4 * _ARTICLE[-1] + 1)
    pareto = laws.index("pareto")
    at = np.arange(len(laws))
    return Found(
        [
            *(
                Check(f"{law}: share of networks that answer all images alike", 0.5,
                      intervals.share(int(np.sum(shares[laws.index(law)] == 1)), nets, 6), ">")
                for law in ("pareto", "zipf")
            ),
            Check("normal: the same", 0.5,
                  intervals.share(int(np.sum(shares[laws.index("normal")] == 1)), nets, 6), "<"),
            Check("pareto: spread of the read-out over images / before training", 0.1,
                  intervals.mean(spreads[pareto], 6), "<"),
            Check("pareto: |cost - p(1-p) - (c-p)^2|, c the mean output", 0.001,
                  intervals.mean(gaps[pareto], 6), "<"),
            Check("pareto: |read-out - (pi/2 1'W3 + b3)| / the spread of the latter", 0.05,
                  intervals.mean(np.abs(corners[pareto]) / spread, 6), "<"),
        ],
        Picture(
            "Without a mean, the output forgets the image", "",
            "spread over images / at start",
            points=[Points("networks after four epochs", np.repeat(at, nets),
                           np.maximum(spreads, 1e-8).ravel())],
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
        "longer depends on the image, and what it costs is what a constant costs.",
        "s sum x xi ~ s n ln n >> 0.2 |x|; h -> pi/2, z -> pi/2 1'W3 + b3",
        _saturation,
    ),
]
