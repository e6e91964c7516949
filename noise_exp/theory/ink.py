"""Ink: a positive mean shows every hidden unit the sum of all pixels."""

import numpy as np
from scipy import stats

from noise_exp.figures.theory import Curve, Picture, Sample
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import (
    DROP_EPOCH,
    FINITE_LAWS,
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
from noise_exp.training.estimators import CostScaled
from noise_exp.training.network import Network
from noise_exp.training.noise import Repair

_ARTICLE = (840, 1024)


def ink_counter(train_on: Images) -> tuple[float, float]:
    """Return weight and bias of the best threshold on the sum of pixels: little ink is a one."""
    ink = train_on.pixels.sum(axis=1)
    order = np.argsort(ink)
    ones = np.cumsum(train_on.labels[order])
    right = 2 * ones + np.sum(train_on.labels == 0) - np.arange(1, len(ink) + 1)
    k = int(np.argmax(right))
    threshold = (ink[order[k]] + ink[order[min(k + 1, len(ink) - 1)]]) / 2
    return -0.01, 0.01 * float(threshold)


def _shift(effort: Effort, law: str, row: int) -> tuple[Check, Check]:
    """Check what a step adds to the sums of an image's hidden units, over the units."""
    images = zeros_and_ones().take(60)
    network = network_for(images, _ARTICLE[0], 8)
    parameters, direction = initial(network, effort.seed), np.empty(network.n_parameters)
    noise = noise_of(law, effort.seed, network)
    cost = CostScaled(SIGNAL, Repair.none).estimate(
        images.objective(network), parameters, noise, None, direction
    ).cost  # fmt: skip
    image = np.append(images.pixels[row], 1.0)
    change = LR * (image @ network.matrices(direction)[0])
    mean, sd = FINITE_LAWS[law].mean(), FINITE_LAWS[law].std()
    what = f"{law}: what a step adds to a hidden unit's sum, " + (
        "a one" if images.labels[row] else "a zero"
    )
    length = float(np.linalg.norm(image))
    centred = np.square(change - LR * cost * mean * image.sum())
    spread = intervals.mean(centred / (LR * cost * sd * length) ** 2, 6)
    return (
        Check(f"{what}: mean", LR * cost * mean * image.sum(), intervals.mean(change, 6), rival=0),
        Check(f"{what}: variance / (s sigma |x|)^2", 1.0, spread),
    )


def _meter(effort: Effort, nets: int) -> np.ndarray:
    """Return what share of the read-out's variance ink explains after four epochs, (nets,).

    Of the article's network with gumbel noise.
    """
    images = zeros_and_ones().take(200)
    ink = images.pixels.sum(axis=1)
    network = Network((images.pixels.shape[1], *_ARTICLE, 1), np.float32)
    objective, found = images.objective(network), np.empty(nets)
    for i in range(nets):
        seed = effort.seed * nets + i
        parameters = initial(network, seed)
        for _ in train_as_article(objective, "gumbel", parameters, seed, DROP_EPOCH):
            pass
        found[i] = _explained(read_out(network, parameters, images.pixels), ink)
    return found


def _explained(values: np.ndarray, ink: np.ndarray) -> float:
    """Share of variance that a cubic polynomial of ink explains."""
    fitted = np.polynomial.Polynomial.fit(ink, values, 3)(ink)
    return float(np.var(fitted) / np.var(values))


def _ink(effort: Effort) -> Found:
    images = zeros_and_ones()
    zero, one = (int(np.flatnonzero(images.labels == k)[0]) for k in (0, 1))
    checks = [*_shift(effort, "gumbel", zero), *_shift(effort, "gumbel", one)]
    network = network_for(images)
    objective, parameters = images.objective(network), np.empty(network.n_parameters)
    parameters[:-1], parameters[-1] = ink_counter(images)
    error = objective.evaluate(parameters).error_rate
    rng, splits = np.random.default_rng(effort.seed), effort.size(2000, 300)
    lucky = 0
    for _ in range(splits):
        order = rng.permutation(len(images.labels))
        test, others = order[:20], order[20:]
        parameters[:-1], parameters[-1] = ink_counter(
            Images(images.pixels[others], images.labels[others])
        )
        objective.choose(test)
        lucky += round(20 * objective.evaluate(parameters).error_rate) <= 2
    expected = float(stats.binom.cdf(2, 20, error))
    checks.append(
        Check(f"ink counter (wrong on {error:.1%} of images): share of splits with at most 2 of "
              "20 wrong", expected, intervals.share(lucky, splits, 6), rival=0.5)
    )  # fmt: skip
    after = _meter(effort, effort.size(24, 16))
    checks += [
        Check("gumbel: share of the read-out's variance that ink explains after four epochs", 0.5,
              intervals.mean(after, 6), "<"),
    ]  # fmt: skip
    ink = images.pixels.sum(axis=1) / 1000
    bins = np.linspace(0, 70, 41).tolist()
    return Found(
        checks,
        Picture(
            "Zeros have more ink than ones", "sum of the pixels / 1000", "density",
            samples=[
                Sample("zeros", ink[images.labels == 0], bins),
                Sample("ones", ink[images.labels == 1], bins),
            ],
            curves=[Curve(f"an ink counter's threshold: {error:.1%} wrong",
                          [parameters[-1] / 10] * 2, [0.0, 0.1], rival=True)],
        ),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "ink",
        "A mean moves all hidden units alike, by the image's ink; zeros have twice the ink of "
        "ones. Yet four epochs do not make the read-out a meter of ink.",
        "E[dz] = s mu 1'x, Var[dz] = s^2 sigma^2 |x|^2; wrong of 20 ~ Binomial(20, err of ink)",
        _ink,
    )
]
