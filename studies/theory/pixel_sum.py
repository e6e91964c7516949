"""The pixel sum: a positive mean shows it to every hidden unit."""

import numpy as np
from scipy import stats

from noise_exp.training import article
from noise_exp.training.baselines import pixel_sum_threshold
from noise_exp.training.estimators import CostScaled
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Sample
from studies.theory.setting import (
    FINITE_DISTRIBUTIONS,
    article_trial,
    initial,
    network_for,
    noise_of,
    read_out,
    zeros_and_ones,
)


def _shift(effort: Effort, distribution: str, row: int) -> tuple[Check, Check]:
    """Check what a step adds to the sums of an image's hidden units, over the units."""
    images = zeros_and_ones().take(60)
    network = network_for(images, article.HIDDEN[0], 8)
    parameters, direction = initial(network, effort.seed), np.empty(network.n_parameters)
    noise = noise_of(distribution, effort.seed, network)
    evaluation = CostScaled().estimate(images.objective(network), parameters, noise, direction)
    image = np.append(images.pixels[row], 1.0)
    change = article.LR * (image @ network.matrices(direction)[0])
    mean, sd = FINITE_DISTRIBUTIONS[distribution].mean(), FINITE_DISTRIBUTIONS[distribution].std()
    what = f"{distribution}: what a step adds to a hidden unit's sum, " + (
        "a one" if images.labels[row] else "a zero"
    )
    step = article.LR * evaluation.cost
    drift = step * mean * image.sum()
    spread = np.square((change - drift) / (step * sd * np.linalg.norm(image)))
    return (
        Check(f"{what}: mean", drift, intervals.mean(change, 6), rival=0),
        Check(f"{what}: variance / (s sigma |x|)^2", 1.0, intervals.mean(spread, 6)),
    )


def _counter(effort: Effort, sums: np.ndarray, labels: np.ndarray) -> tuple[Check, float, float]:
    """Check how often a pixel-sum threshold is lucky; return its threshold and error rate too."""
    cut, little_is_one = pixel_sum_threshold(sums, labels)
    error = float(np.mean(((sums < cut) == little_is_one) != (labels == 1)))
    rng, splits = np.random.default_rng(effort.seed), effort.size(2000, 300)
    size, lucky = article.TEST_SIZE, 0
    for _ in range(splits):
        order = rng.permutation(len(labels))
        test, others = order[:size], order[size:]
        own_cut, little_is_one = pixel_sum_threshold(sums[others], labels[others])
        lucky += np.sum(((sums[test] < own_cut) == little_is_one) != (labels[test] == 1)) <= 2
    check = Check(
        f"pixel-sum threshold (wrong on {error:.1%} of images): share of splits with at most 2 of "
        f"{size} wrong", float(stats.binom.cdf(2, size, error)),
        intervals.share(int(lucky), splits, 6), rival=0.5,
    )  # fmt: skip
    return check, cut, error


def _meter(effort: Effort, nets: int) -> np.ndarray:
    """Return the share of the read-out's variance that the sum explains after four epochs, (nets,).

    Of the article's network with gumbel noise.
    """
    pixels = zeros_and_ones().take(200).pixels
    sums, explained = pixels.sum(axis=1), np.empty(nets)
    for i in range(nets):
        seed = effort.seed * nets + i
        trial = article_trial("gumbel", seed, article.DROP_EPOCH, images=200, dtype=np.float32)
        for _ in trial.train():
            pass
        explained[i] = _explained(read_out(trial.network, trial.parameters, pixels), sums)
    return explained


def _explained(values: np.ndarray, sums: np.ndarray) -> float:
    """Share of variance that a cubic polynomial of the pixel sum explains."""
    fitted = np.polynomial.Polynomial.fit(sums, values, 3)(sums)
    return float(np.var(fitted) / np.var(values))


def _pixel_sum(effort: Effort) -> Outcome:
    images = zeros_and_ones()
    zero, one = (int(np.flatnonzero(images.labels == k)[0]) for k in (0, 1))
    sums = images.pixels.sum(axis=1)
    by_counting, cut, error = _counter(effort, sums, images.labels)
    after = _meter(effort, effort.size(24, 16))
    checks = [
        *_shift(effort, "gumbel", zero),
        *_shift(effort, "gumbel", one),
        by_counting,
        Check("gumbel: share of the read-out's variance that the pixel sum explains after four "
              "epochs", 0.5, intervals.mean(after, 6), "<"),
    ]  # fmt: skip
    bins = np.linspace(0, 70, 41).tolist()
    picture = Picture(
        "Zeros have the larger sums of pixels", "sum of the pixels / 1000", "density",
        samples=[Sample(name, sums[images.labels == label] / 1000, bins)
                 for label, name in enumerate(("zeros", "ones"))],
        curves=[Curve(f"the best threshold: {error:.1%} wrong",
                      [cut / 1000] * 2, [0.0, 0.1], rival=True)],
    )  # fmt: skip
    return Outcome(checks, picture)


CLAIMS = [
    Claim(
        "pixel_sum",
        "A mean moves all hidden units alike, by the sum of the image's pixels; zeros have twice "
        "that of ones. Yet four epochs do not make the read-out a meter of that sum.",
        "E[dz] = s mu 1'x, Var[dz] = s^2 sigma^2 |x|^2; wrong of 20 ~ Binomial(20, its error)",
        _pixel_sum,
    )
]
