"""Estimates from noise on the weights: how far they point along the gradient."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from noise_exp.report.intervals import Interval
from noise_exp.training.estimators import (
    CostScaled,
    Estimator,
    EvolutionStrategy,
    ForwardGradient,
    Spsa,
)
from noise_exp.training.network import Network
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Objective
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import (
    FINITE_LAWS,
    Images,
    cosine,
    cost_gradient,
    initial,
    network_for,
    noise_of,
    white_images,
    zeros_and_ones,
)

SCALE = 1e-4  # of the noise: the cost is straight over so short a way
_SAMPLES = [1, 4, 16, 64, 256]  # averaged in an estimate


@dataclass
class Point:
    """A network, where it stands, and the gradient of its cost there."""

    network: Network
    pixels: np.ndarray
    objective: Objective
    parameters: np.ndarray
    gradient: np.ndarray

    @classmethod
    def start(cls, seed: int, *hidden: int) -> "Point":
        """Return a random network on 60 images of pixels from 0 to 1."""
        images = zeros_and_ones(255.0).take(60)
        network = network_for(images, *hidden)
        return cls._at(images, network, initial(network, seed))

    @classmethod
    def white(cls, seed: int) -> "Point":
        """Return a point whose gradient is spread over all weights."""
        images = white_images(seed)
        network = network_for(images)
        return cls._at(images, network, np.zeros(network.n_parameters))

    @classmethod
    def _at(cls, images: Images, network: Network, parameters: np.ndarray) -> "Point":
        objective = images.objective(network)
        gradient = cost_gradient(objective, parameters)[1]
        return cls(network, images.pixels, objective, parameters, gradient)

    def cosines(
        self,
        estimator: Estimator,
        law: str,
        seed: int,
        repeats: int,
        repair: Repair = Repair.none,
    ) -> np.ndarray:
        """Return the cosines of estimates and the negative gradient, (repeats,)."""
        noise = noise_of(law, seed, self.network, repair)
        estimating = estimator.begin(self.objective)
        out, cosines = np.empty_like(self.parameters), np.empty(repeats)
        for i in range(repeats):
            estimating.estimate(self.objective, self.parameters, noise, out)
            cosines[i] = -cosine(out, self.gradient)
        return cosines


def mean_cosine(samples: int, n: int) -> float:
    """Mean cosine of the mean of `samples` normal forward gradients in n dimensions.

    cos^2 follows a Beta law with parameters samples / 2 and (n - 1) / 2.
    """
    a, b = samples / 2, (n - 1) / 2
    return math.exp(special.betaln(a + 0.5, b) - special.betaln(a, b))


def rank_efficiency(pairs: int) -> float:
    """Share of the squared mean cosine that centred ranks keep, of a population of pairs.

    The pair with the r-th smallest slope, in size, has the weight 2 r - 1. Tends to 3 / pi.
    """
    order = np.arange(1, pairs + 1)
    expected = np.array([_mean_order_statistic(int(r), pairs) for r in order])
    weights = 2 * order - 1
    by_losses = stats.chi.mean(pairs)  # the weight of a pair is then its slope
    return float((np.sum(weights * expected) / by_losses) ** 2 / np.sum(weights**2))


def _mean_order_statistic(rank: int, n: int) -> float:
    """Mean of the rank-th smallest of n half-normal numbers, by quadrature over the quantiles."""
    edges = np.linspace(0, 1, 4001)
    u = (edges[1:] + edges[:-1]) / 2
    return float(stats.halfnorm.ppf(u) @ np.diff(stats.beta.cdf(edges, rank, n + 1 - rank)))


def _sampled(
    point: Point, make: Callable[[int], Estimator], seed: int, total: int
) -> list[Interval]:
    """Measure the mean cosine of each number of samples, with `total` of them to spend."""
    return [
        intervals.mean(point.cosines(make(k), "normal", seed, max(total // k, 12)), 10)
        for k in _SAMPLES
    ]


def _one_sample(seed: int, repeats: int) -> list[Check]:
    """Check that with random signs one sample does alike whatever the law."""
    # One draw of pareto outweighs all others, so the cosine is that of a single weight: where few
    # weights hold the gradient its mean would hang on rare draws.
    white = Point.white(seed)
    n, checks = white.network.n_parameters, []
    for law in ("binomial", "gumbel", "pareto"):
        squares = np.square(white.cosines(ForwardGradient(1), law, seed, repeats, Repair.sign))
        checks.append(
            Check(f"{law} with random signs: n times the mean squared cosine, 1 sample", 1.0,
                  intervals.mean(n * squares, 10), rival=0.0)
        )  # fmt: skip
    return checks


def _alignment(effort: Effort) -> Outcome:
    point, total = Point.start(effort.seed, 8, 8), effort.size(2000, 600)
    n = point.network.n_parameters
    # Seeds of their own: the two do alike with the same noise.
    cosines = {
        "forward_gradient": _sampled(point, ForwardGradient, 2 * effort.seed, total),
        "spsa": _sampled(point, lambda k: Spsa(SCALE, k), 2 * effort.seed + 1, total),
    }
    blind = point.cosines(CostScaled(), "normal", effort.seed, total)
    checks = [
        Check(f"{name}: mean cosine, {k} samples", mean_cosine(k, n), measured, rival=0.0)
        for name, of_samples in cosines.items()
        for k, measured in zip(_SAMPLES, of_samples, strict=True) if k in (1, 16, 256)
    ]  # fmt: skip
    checks.append(
        Check("cost_scaled: mean cosine", 0.0, intervals.mean(blind, 10), rival=mean_cosine(1, n))
    )
    checks += _one_sample(effort.seed, 2 * total)
    fine = np.geomspace(1, 10_000, 60)
    picture = Picture(
        f"Noise on {n:,} weights against the gradient", "samples", "mean cosine",
        [Curve("theory", fine, [mean_cosine(k, n) for k in fine]),
         Curve("√(samples / n)", fine, np.sqrt(fine / n), rival=True)],
        [*(intervals.points(name, _SAMPLES, measured) for name, measured in cosines.items()),
         Points("cost_scaled, absolute value", [1], [float(np.mean(np.abs(blind)))])],
        log_x=True, log_y=True,
    )  # fmt: skip
    return Outcome(checks, picture)


def _ranks(effort: Effort) -> Outcome:
    point = Point.start(effort.seed, 4, 4)
    repeats, sizes = effort.size(80, 30), [2, 8, 64]
    checks, ratios = [], []
    for pairs in sizes:
        both = tuple(
            point.cosines(estimator, "normal", effort.seed, repeats * 64 // pairs)
            for estimator in (EvolutionStrategy(SCALE, pairs), Spsa(SCALE, pairs))
        )
        ratios.append(intervals.bootstrap(both, _squared_ratio, effort.seed, len(sizes)))
        checks.append(
            Check(f"es / spsa, squared mean cosine, {pairs} pairs", rank_efficiency(pairs),
                  ratios[-1], rival=1.0)
        )  # fmt: skip
    fine = np.unique(np.geomspace(1, 64, 20).astype(int))
    picture = Picture(
        "What ranks cost: 3/π, as Wilcoxon's test", "pairs", "efficiency of es against spsa",
        [Curve("theory", fine, [rank_efficiency(int(k)) for k in fine]),
         Curve("3/π", [1, 64], [3 / math.pi] * 2, rival=True)],
        [intervals.points("measured", sizes, ratios)],
        log_x=True,
    )  # fmt: skip
    return Outcome(checks, picture)


def _squared_ratio(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.mean(a) / np.mean(b)) ** 2


def uncentred_cosine(samples: float, gradient: np.ndarray, law: str) -> float:
    """Cosine of the mean of forward gradients with noise that has a mean, by its moments.

    That of their expectation sigma^2 g + mu^2 (1'g) 1, over the root mean square length.
    """
    mean, variance = float(FINITE_LAWS[law].mean()), float(FINITE_LAWS[law].var())
    n, square = len(gradient), float(gradient @ gradient)
    along_ones = mean * float(np.sum(gradient))
    limit = variance * gradient + mean * along_ones
    energy = variance * square + along_ones**2  # E[(g.xi)^2]
    length = n * (variance + mean**2) * energy / samples
    length += (1 - 1 / samples) * float(limit @ limit)
    return float(gradient @ limit) / math.sqrt(square * length)


def _centring(effort: Effort) -> Outcome:
    point, samples = Point.start(effort.seed, 8, 8), [16, 128, 1024]
    n = point.network.n_parameters
    raw, centred = (
        [
            intervals.mean(
                point.cosines(
                    ForwardGradient(k), "gumbel", effort.seed,
                    max(effort.size(2000, 1000) // k, 12), repair,
                ), 4
            )
            for k in samples
        ]
        for repair in (Repair.none, Repair.standardize)
    )  # fmt: skip
    most = uncentred_cosine(1024, point.gradient, "gumbel")
    checks = [
        Check("gumbel as it is: mean cosine, 1024 samples", most, raw[-1],
              rival=mean_cosine(1024, n)),
        Check("gumbel standardized: mean cosine, 1024 samples", mean_cosine(1024, n), centred[-1],
              rival=most),
        Check("gumbel standardized: mean cosine, 16 samples", mean_cosine(16, n), centred[0],
              rival=0.0),
    ]  # fmt: skip
    fine = np.geomspace(1, 4000, 40)
    picture = Picture(
        "A mean points the estimate along (1, 1, ..., 1)", "samples", "mean cosine",
        [Curve("theory, centred", fine, [mean_cosine(k, n) for k in fine]),
         Curve("theory, with the law's mean", fine,
               [uncentred_cosine(k, point.gradient, "gumbel") for k in fine])],
        [intervals.points("gumbel standardized", samples, centred),
         intervals.points("gumbel as it is", samples, raw)],
        log_x=True, log_y=True,
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "alignment",
        "One number per forward pass tells one direction of n: the squared cosine of K samples "
        "follows a Beta law, and for one sample its mean is 1/n whatever the law.",
        "cos^2 ~ Beta(K/2, (n-1)/2), E[cos^2] = K / (K + n - 1); cost_scaled: E[cos] = 0",
        _alignment,
    ),
    Claim(
        "ranks",
        "Ranks in place of losses keep 3/pi of the squared cosine, as Wilcoxon's test of the t "
        "test's efficiency.",
        "(sum (2r-1) E|a|_(r))^2 / (E[chi_P]^2 sum (2r-1)^2) -> 3/pi",
        _ranks,
    ),
    Claim(
        "centring",
        "A law's mean turns an estimate towards (1, ..., 1); centred, the law no longer matters.",
        "E[(g.xi) xi] = sigma^2 g + mu^2 (1'g) 1",
        _centring,
    ),
]
