"""How far estimates point along the gradient: formulas of docs/theory.md, section 9, held here."""

import math

import numpy as np
import pytest
from oracles import cosine, directions, material, numeric_gradient, problem
from scipy import special, stats

from noise_exp.training.estimators import (
    CostScaled,
    EvolutionStrategy,
    ForwardGradient,
    LowRankES,
    NodePerturbation,
    Spsa,
)
from noise_exp.training.network import CrossEntropy, Network
from noise_exp.training.noise import ARTICLE_DISTRIBUTIONS, Distribution, NoiseTransform
from noise_exp.training.streams import IndependentStreams

SCALE = 1e-4  # of the noise: the loss is straight over so short a way


@pytest.fixture(scope="module")
def point():
    """A network's objective, its parameters, and the gradient of its loss by finite differences."""
    objective, w, loss = problem(1, CrossEntropy)
    return objective, w, numeric_gradient(loss, w)


def transformed(distribution, how, seed=3):
    streams = IndependentStreams(0, 0, seed)
    return streams.noise(
        Distribution(distribution, **ARTICLE_DISTRIBUTIONS[distribution]),
        Network((1, 1), np.float64),
        how=how,
    )


def cosines(estimator, point, n, noise=None):
    objective, w, gradient = point
    found = directions(estimator, objective, w, n, noise)
    return np.array([cosine(-gradient, row) for row in found])


def agrees(sample, expected, errors=4.0):
    return abs(np.mean(sample) - expected) < errors * stats.sem(sample)


@pytest.mark.parametrize("samples", [1, 16])
@pytest.mark.parametrize("estimator", [ForwardGradient, lambda k: Spsa(SCALE, k)])
def test_one_number_per_pass_tells_one_direction_of_n(point, estimator, samples):
    """The squared cosine of K normal samples is Beta(K/2, (n-1)/2)."""
    a, b = samples / 2, (len(point[1]) - 1) / 2
    expected = math.exp(special.betaln(a + 0.5, b) - special.betaln(a, b))
    assert agrees(cosines(estimator(samples), point, 600), expected)


def test_a_cost_that_was_measured_before_tells_no_direction(point):
    assert agrees(cosines(CostScaled([1.0] * 3), point, 600), 0.0)


@pytest.mark.parametrize("distribution", ["binomial", "gumbel", "pareto"])
def test_with_random_signs_one_sample_does_alike_whatever_the_distribution(distribution):
    """On weights that share the gradient evenly, or the mean hangs on rare draws."""
    n, seen = 200, []
    gradient = np.ones(n)
    noise, draws = transformed(distribution, NoiseTransform.sign), np.empty(n)
    for _ in range(4000):
        noise.fill(draws)
        seen.append(cosine(gradient, draws) ** 2)
    assert agrees(n * np.array(seen), 1.0)


@pytest.mark.parametrize("pairs", [2, 8, 64])
def test_ranks_keep_most_of_what_losses_tell(point, pairs):
    """The pair with the r-th smallest slope weighs 2r - 1 in place of its slope.

    Of many pairs ranks keep 3/pi of the squared cosine, as Wilcoxon's test of the t test's
    efficiency (Pitman 1949).
    """
    rng, n = np.random.default_rng(0), len(point[1])
    slopes = np.sort(np.abs(rng.standard_normal((20_000, pairs))), axis=1)
    weights = 2.0 * np.arange(1, pairs + 1) - 1
    along, across = (
        slopes @ weights,
        np.sqrt(rng.chisquare(n - 1, len(slopes)) * (weights @ weights)),
    )
    expected = np.mean(along / np.hypot(along, across))
    assert agrees(cosines(EvolutionStrategy(SCALE, pairs), point, 1000), expected)


def test_a_mean_points_an_estimate_along_the_ones(point):
    """E[(g.xi) xi] = sigma^2 g + mu^2 (1'g) 1, nearly met by 8,000 samples; centred, g is left."""
    _, w, gradient = point
    distribution, ones = stats.gumbel_r(), np.ones(len(w))
    limit = distribution.var() * gradient + distribution.mean() ** 2 * np.sum(gradient) * ones
    many = ForwardGradient(8000)
    (raw,) = directions(many, *point[:2], 1, transformed("gumbel", NoiseTransform.none))
    (centred,) = directions(many, *point[:2], 1, transformed("gumbel", NoiseTransform.standardize))
    assert cosine(-limit, raw) > 0.97 > cosine(-gradient, raw) + 0.02
    assert cosine(-gradient, centred) > 0.97


@pytest.mark.parametrize("rank", [1, 4])
def test_the_variance_of_noise_of_low_rank(point, rank):
    """E|G'|^2 = sum of |G_l|^2 (((m+2)(n+2) + (r-1)(mn+2))/r + M - mn) over m x n layers."""
    objective, w, gradient = point
    shapes, total, expected = objective.network.shapes(), len(w), 0.0
    for matrix, (m, n) in zip(objective.network.matrices(gradient), shapes, strict=True):
        own = ((m + 2) * (n + 2) + (rank - 1) * (m * n + 2)) / rank
        expected += np.sum(np.square(matrix)) * (own + total - m * n)
    found = directions(LowRankES(SCALE, 1, rank, "all"), objective, w, 6000)
    assert agrees(np.sum(np.square(found), axis=1), expected)


@pytest.mark.parametrize("outputs", ["known", "blind"])
def test_the_variance_of_noise_on_the_units(point, outputs):
    """E|G'-G|^2 = sum over images, disturbed layers of |x|^2 (U_l |delta|^2 + |delta_l|^2).

    Werfel, Xie and Seung (2005); the deltas by back propagation, written down anew.
    """
    objective, w, gradient = point
    energies, deltas = back_propagated()
    if outputs == "known":
        deltas.pop()
    all_deltas = sum(np.sum(np.square(delta), axis=1) for delta in deltas)
    expected = sum(
        np.sum(energy * (delta.shape[1] * all_deltas + np.sum(np.square(delta), axis=1)))
        for energy, delta in zip(energies, deltas, strict=False)
    )
    found = directions(NodePerturbation(SCALE, outputs), objective, w, 3000)
    assert agrees(np.sum(np.square(found + gradient), axis=1), expected)


def back_propagated():
    """By layer: the squared length of its inputs, 1 for the bias included, and its sums' deltas."""
    network, w, images, labels = material(1)
    layers, inputs, slopes = network.views(w), [images], []
    for weights, biases in layers[:-1]:
        sums = inputs[-1] @ weights + biases
        inputs.append(np.arctan(sums))
        slopes.append(1 / (1 + sums**2))
    weights, biases = layers[-1]
    deltas = [special.expit(inputs[-1] @ weights + biases) - labels[:, None]]
    for (above, _), slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        deltas.insert(0, deltas[0] @ above.T * slope)
    return [1 + np.sum(np.square(x), axis=1) for x in inputs], deltas
