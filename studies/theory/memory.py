"""How much a walk of mean zero remembers: the arctan kernel of a wide network."""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from noise_exp.training import article
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import FINITE_DISTRIBUTIONS, article_trial, read_out, zeros_and_ones

_WIDTH = 128
_SHOWN = 20  # images whose read-out is followed
_POINTS = 400


def arctan_kernel(var: float, moved_var: float, cov: float) -> float:
    """E[arctan(u) arctan(v)] of jointly normal u, v of mean 0, by quadrature."""
    t = np.linspace(-1, 1, _POINTS)
    fine = 8 * np.sinh(8 * t) / math.sinh(8)  # dense at 0, where the arctan jumps
    even = 8 * t
    rho = cov / math.sqrt(var * moved_var)
    u = math.sqrt(var) * fine
    v = math.sqrt(moved_var) * (rho * fine[:, None] + math.sqrt(max(1 - rho**2, 0.0)) * even)
    inner = np.arctan(v) @ (stats.norm.pdf(even) * (even[1] - even[0]))
    return float(np.trapezoid(stats.norm.pdf(fine) * np.arctan(u) * inner, fine))


def remembered(energy: float, width: int, spreads: Sequence[float]) -> float:
    """Correlation of a wide network's read-out before and after its weights were disturbed.

    Parameters
    ----------
    energy
        Squared length of the image, 1 for the bias included.
    width
        Units of each of the two hidden layers.
    spreads
        Standard deviation of what each layer's weights have moved by; they started with 0.2.
    """
    var = moved = cov = energy
    for layer, spread in enumerate(spreads):
        before = article.INIT_SCALE**2
        after = before + spread**2
        var, moved, cov = before * var, after * moved, before * cov
        if layer < len(spreads) - 1:
            kernels = (
                arctan_kernel(var, var, var),
                arctan_kernel(moved, moved, moved),
                arctan_kernel(var, moved, cov),
            )
            var, moved, cov = (width * kernel + 1 for kernel in kernels)
    return cov / math.sqrt(var * moved)


def _walks(
    distribution: str, first_seed: int, seeds: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return read-outs before and after the walk, (seeds, images), and costs (seeds, epochs)."""
    before, after = np.empty((seeds, _SHOWN)), np.empty((seeds, _SHOWN))
    costs = np.empty((seeds, article.DROP_EPOCH + 1))
    shown = zeros_and_ones().pixels[:_SHOWN]
    for i in range(seeds):
        trial = article_trial(
            distribution, first_seed + i, article.DROP_EPOCH + 1, images=60, hidden=(_WIDTH, _WIDTH)
        )
        before[i] = read_out(trial.network, trial.parameters, shown)
        costs[i] = [record.cost for record in trial.train()]
        after[i] = read_out(trial.network, trial.parameters, shown)
    return before, after, costs


def _expected(distribution: str, costs: np.ndarray) -> tuple[float, float]:
    """Return the correlation of read-outs by the kernel, and by the weights alone."""
    energy = float(np.mean(np.sum(np.square(zeros_and_ones().pixels[:_SHOWN]), axis=1))) + 1
    steps = np.square(article.LR * costs[:, : article.DROP_EPOCH]).sum(axis=1)
    moved = FINITE_DISTRIBUTIONS[distribution].std() * np.sqrt(steps)  # (seeds,)
    by_kernel = [remembered(energy, _WIDTH, [s * m for s in article.SIGNAL]) for m in moved]
    by_weights = 1 / np.sqrt(1 + (moved / article.INIT_SCALE) ** 2)
    return float(np.mean(by_kernel)), float(np.mean(by_weights))


def _memory(effort: Effort) -> Outcome:
    seeds = effort.size(120, 50)
    checks, clouds, costs = [], [], {}
    for distribution in ("normal", "triangular"):
        before, after, costs[distribution] = _walks(distribution, effort.seed * seeds, seeds)
        predicted, of_sums = _expected(distribution, costs[distribution])
        kept = intervals.bootstrap((before, after), _correlation, effort.seed, 5)
        ranks = intervals.bootstrap((costs[distribution],), _rank, effort.seed, 5)
        checks += [
            Check(f"{distribution}: correlation of an image's read-out, before and after",
            predicted,
                  kept, rival=of_sums),
            Check(f"{distribution}: rank correlation of first and last cost", 0.5, ranks, ">"),
        ]  # fmt: skip
        clouds.append(Points(f"{distribution}, predicted correlation {predicted:.2f}",
                             before[:, 0], after[:, 0]))  # fmt: skip
    _, _, of_gumbel = _walks("gumbel", effort.seed * seeds, seeds)
    less = intervals.bootstrap(
        (of_gumbel, costs["normal"]), lambda a, b: _rank(a) - _rank(b), effort.seed, 5
    )
    checks.append(
        Check("gumbel: rank correlation of first and last cost, minus normal's", 0.0, less, "<")
    )
    edge = float(np.max(np.abs(clouds[0].x)))
    picture = Picture(
        "A walk of mean zero ends near where it began",
        "read-out before training, one image, every seed", "read-out after the walk",
        [Curve("no change", [-edge, edge], [-edge, edge], rival=True)], clouds,
    )  # fmt: skip
    return Outcome(checks, picture)


def _correlation(before: np.ndarray, after: np.ndarray) -> float:
    """Return the correlation of numbers whose mean is 0 by symmetry."""
    return float(np.sum(before * after) / np.sqrt(np.sum(before**2) * np.sum(after**2)))


def _rank(costs: np.ndarray) -> float:
    """Return the rank correlation of first and last cost over seeds; costs: (seeds, epochs)."""
    return float(stats.spearmanr(costs[:, 0], costs[:, -1]).statistic)


CLAIMS = [
    Claim(
        "memory",
        "Noise without a mean is small beside the initial weights, and the network remembers them "
        "by a kernel; so the last cost is in the order of the first. A mean makes it forget.",
        "corr = K3(K2(K1)), K(u, v) = E[arctan u arctan v], var w: 0.04 -> 0.04 + sum (lr C s)^2",
        _memory,
    )
]
