"""Transforms of noise: each does what it says to every distribution, and to one value no harm."""

import math

import numpy as np
import pytest
from scipy import stats
from support import distribution_of, options

from noise_exp.training.network import Network
from noise_exp.training.noise import NoiseTransform, transform
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.workers import Workers


def source(name, how, threads=1):
    streams = IndependentStreams(0, 0, 5)
    network = Network((1, 1), np.float64)
    return streams.noise(distribution_of(name), network, Workers(threads), how)


def draws(name, how, n=20_000, threads=1):
    source(name, how, threads).fill(out := np.empty(n))
    return out


@pytest.mark.parametrize("name", sorted(set(options("dist")) - {"backprop"}))
def test_noise_transforms(name):
    plain, signed = draws(name, NoiseTransform.none), draws(name, NoiseTransform.sign)
    np.testing.assert_array_equal(np.abs(plain), np.abs(signed))
    flipped = (signed != plain)[plain != 0]
    assert 0.48 < np.mean(flipped) < 0.52
    if np.ptp(plain[plain != 0]) > 0:
        assert abs(stats.spearmanr(flipped, np.abs(plain[plain != 0])).statistic) < 0.04
    assert abs(np.corrcoef(flipped[1:], flipped[:-1])[0, 1]) < 0.03

    standard = draws(name, NoiseTransform.standardize)
    assert np.mean(standard) == pytest.approx(0, abs=1e-9)
    assert np.std(standard) == pytest.approx(1, rel=1e-9)
    assert np.corrcoef(standard, plain)[0, 1] == pytest.approx(1, abs=1e-9)

    ranked = draws(name, NoiseTransform.rank)
    assert stats.kstest(ranked, "norm").pvalue > 0.9  # scores, not draws: nearer than chance
    order = np.argsort(ranked)
    assert (np.diff(plain[order]) >= 0).all()
    for value in np.unique(plain)[:2]:  # equal draws come in random order
        same = np.flatnonzero(plain == value)
        if len(same) > 500:
            assert abs(stats.spearmanr(same, ranked[same]).statistic) < 5 / math.sqrt(len(same))


def test_a_distribution_of_one_value_is_left_in_peace_by_every_transform():
    for how in NoiseTransform:
        ones = np.ones(100)
        transform(how, np.random.default_rng(1), ones)
        assert np.isfinite(ones).all()


@pytest.mark.parametrize("n", [2**17 + 1, 2**18 + 1, 2**17 + 2, 3 * 2**17 - 5])
@pytest.mark.parametrize("how", [NoiseTransform.standardize, NoiseTransform.rank])
def test_no_number_is_transformed_among_few(how, n):
    out = draws("gumbel", how, n)
    np.testing.assert_array_equal(out, draws("gumbel", how, n, threads=3))
    assert (out[-3:] != 0).all()
    # The last number, over many steps, has the moments of all others.
    noise, last = source("gumbel", how), []
    for _ in range(40):
        noise.fill(out)
        last.append(out[-1])
    assert abs(np.mean(last)) < 4 / math.sqrt(40)
    assert 0.5 < np.std(last) < 1.6


def test_where_no_sample_is_needed_the_draws_are_what_they_were():
    n = 2**17 + 1
    whole, alone = (draws("gumbel", NoiseTransform.none, k) for k in (n, 2**17))
    np.testing.assert_array_equal(whole[:-1], alone)
    np.testing.assert_array_equal(np.abs(whole), np.abs(draws("gumbel", NoiseTransform.sign, n)))
    for how in (NoiseTransform.standardize, NoiseTransform.rank):
        few = draws("gumbel", NoiseTransform.none, 1000)
        transform(how, np.random.default_rng(0), few)
        np.testing.assert_array_equal(few, draws("gumbel", how, 1000))


def test_two_names_of_one_distribution_draw_different_numbers():
    a, b = draws("gaussian", NoiseTransform.none), draws("standard_normal", NoiseTransform.none)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03
    assert stats.ks_2samp(a, b).pvalue > 1e-3
