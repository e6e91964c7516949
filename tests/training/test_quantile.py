"""A distribution by its quantile function, typed by somebody who may mistype it."""

import re

import numpy as np
import pytest
from scipy import stats

from noise_exp.training import QuantileDistribution


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("-log(1 - u)", stats.expon()),
        ("tan(pi * (u - 0.5))", stats.cauchy()),
        ("where(u < 0.5, log(2 * u), -log(2 - 2 * u))", stats.laplace()),
        ("2 * u - 1", stats.uniform(-1, 2)),
    ],
)
def test_draws_follow_the_distribution(text, distribution):
    draws = np.empty(20_000, np.float32)
    QuantileDistribution(text).fill(np.random.default_rng(3), draws)
    assert stats.kstest(draws, distribution.cdf).pvalue > 0.001


@pytest.mark.parametrize(("text", "values"), [("u > 0.75", {0, 1}), ("3", {3})])
def test_a_condition_is_a_coin_and_a_constant_a_distribution_too(text, values):
    draws = np.empty(10_000)
    QuantileDistribution(text).fill(np.random.default_rng(2), draws)
    assert set(draws) == values
    assert draws.mean() == pytest.approx(0.25 if 0 in values else 3, abs=0.015)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no formula"),
        ("log(u", "is no formula"),
        ("x + 1", "'x' is unknown; there are u, "),
        ("__import__('os').system('ls')", "use numbers, u and functions"),
        ("u.mean()", "use numbers, u and functions"),
        ("[u]", "use numbers, u and functions"),
        ("lambda: u", "use numbers, u and functions"),
        ("exec('1')", "'exec' is unknown"),
        ("'a' * u", "no number"),
        ("log(u - 0.5)", "is not a finite number at u = "),
        ("1 / (u - u)", "is not a finite number"),
        ("log(u, u, u, u)", "cannot be computed"),
        ("u(1)", "cannot be computed"),
        ("log", "cannot be computed"),
        ("2 ** 10 ** 10 ** 10", "cannot be computed"),
    ],
)
def test_what_is_no_distribution_is_a_sentence(text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        QuantileDistribution(text)
    assert "\n" not in str(error.value)
