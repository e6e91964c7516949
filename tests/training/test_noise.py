"""The laws of `conf/dist` against scipy.stats, and what no law takes."""

import numpy as np
import pytest
from scipy import stats
from support import LETTERS, law_of, options

from noise_exp.training.noise import ARTICLE_LAWS, Law, article_letter

N = 200_000
# SciPy's names and parameters, written down apart from the program's.
ORACLES = {
    "gumbel": stats.gumbel_r(0, 1),
    "gaussian": stats.norm(0, 1),
    "standard_normal": stats.norm(0, 1),
    "binomial": stats.binom(1, 0.5),
    "beta": stats.beta(1, 0.5),
    "poisson": stats.poisson(1),
    "zipf": stats.zipf(2),
    "pareto": stats.lomax(1),
    "power": stats.powerlaw(1),
    "rayleigh": stats.rayleigh(scale=1),
    "triangular": stats.triang(0.5, -1, 2),
    "weibull": stats.weibull_min(1),
    "noncentral_chisquare": stats.ncx2(1, 0.5),
}


def draws(law: Law, seed: int) -> np.ndarray:
    out = np.empty(N, np.float32)
    law.fill(np.random.default_rng(seed), out)
    return out.astype(np.float64)


@pytest.mark.parametrize("option", ORACLES)
def test_law_agrees_with_scipy(option):
    oracle, sample = ORACLES[option], draws(law_of(option), 1)
    if hasattr(oracle.dist, "pmf"):
        values = np.arange(oracle.ppf(1e-9), 8)
        counts = [*(np.sum(sample == v) for v in values), np.sum(sample > values[-1])]
        expected = N * np.array([*oracle.pmf(values), oracle.sf(values[-1])])
        kept = expected > 5
        p = stats.chisquare(np.array(counts)[kept], expected[kept], sum_check=False).pvalue
        assert np.sum(np.array(counts)[~kept]) < 40
    else:
        p = stats.kstest(sample, oracle.cdf).pvalue
    assert p > 1e-3
    assert sample.min() >= oracle.support()[0]
    # Quantiles where a law's tail is: their ranks are binomial.
    for q in (0.001, 0.5, 0.999, 0.99999):
        rank = np.mean(sample <= np.float32(oracle.ppf(q)))
        assert rank >= q - 5 * np.sqrt(q * (1 - q) / N)
        below = np.mean(sample < np.float32(oracle.ppf(q)))
        assert below <= q + 5 * np.sqrt(q * (1 - q) / N)


@pytest.mark.parametrize("option", [o for o in ORACLES if o not in ("zipf", "pareto")])
def test_moments_agree_with_scipy(option):
    mean, variance, kurtosis = (float(m) for m in ORACLES[option].stats("mvk"))
    sample = draws(law_of(option), 2)
    assert sample.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / N))
    spread = variance * np.sqrt((kurtosis + 2) / N)
    # The second term is the squared error of the sample's own mean.
    assert sample.var() == pytest.approx(variance, abs=5 * spread + 25 * variance / N)


@pytest.mark.parametrize("option", ORACLES)
def test_overridden_parameters_reach_the_law(option):
    key = {"gaussian": "scale", "binomial": "p", "poisson": "lam", "triangular": "mode"}.get(option)
    key = key or next(iter(ARTICLE_LAWS[law_of(option).name]), None)
    if key is None:
        assert option == "standard_normal"
        return
    changed = law_of(option, **{key: 0.9 if key in ("p", "mode") else 3})
    assert not np.array_equal(draws(changed, 3), draws(law_of(option), 3))


def test_options_are_the_articles_methods():
    assert set(options("dist")) == {*ORACLES, "backprop"}
    for option in ORACLES:
        law = law_of(option)
        assert law.parameters == ARTICLE_LAWS[law.name]
        assert article_letter(law.name) == LETTERS[option]
    assert article_letter(None) == LETTERS["backprop"]
    assert article_letter("laplace") is None


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("gumbel", {"scale": -1}, "scale < 0"),
        ("gumbel", {"loc": float("nan")}, "loc must be finite"),
        ("gumbel", {"loc": "high"}, "loc must be a number"),
        ("gumbel", {"scale": True}, "scale must be a number"),
        ("gumbel", {"df": 1}, "df"),
        ("zipf", {"a": 1.0}, "a <= 1"),
        ("binomial", {"n": 1, "p": 1.5}, "p > 1"),
        ("binomial", {"n": 1.5, "p": 0.5}, "whole number"),
        ("triangular", {"left": 1, "mode": 0, "right": 2}, "left > mode"),
        ("dirichlet", {}, "dirichlet"),
        ("choice", {}, "not a sampler"),
        ("gumbl", {}, "gumbl"),
    ],
)
def test_parameters_outside_the_domain_are_refused(name, parameters, words):
    with pytest.raises(ValueError, match=words):
        Law(name, **parameters)
