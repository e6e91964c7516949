"""Each distribution of `conf/dist` against scipy.stats, a million draws or more, seeds fixed."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import DISTRIBUTIONS, MORE, Zipf
from scipy import stats
from support import LETTERS, distribution_of, options, trial

from noise_exp.training import ARTICLE_DISTRIBUTIONS, Distribution, IndependentStreams, Network
from noise_exp.training.article import article_letter
from noise_exp.training.discrete import uniform
from noise_exp.training.samplers import fast_sampler

N = 2**21
# Samplers that are no univariate distribution of their own: several numbers at once, one of those
# given, another sampler with some parameters fixed.
NO_OPTION = {
    "dirichlet", "multinomial", "multivariate_hypergeometric", "multivariate_normal",
    "choice", "integers",
    "random", "standard_exponential", "standard_gamma",
}  # fmt: skip


def cases_of(distributions):
    cases = [(name, p, oracle) for name, rows in distributions.items() for p, oracle in rows]
    return pytest.mark.parametrize(
        ("name", "parameters", "oracle"), cases, ids=[f"{n}-{[*p.values()]}" for n, p, _ in cases]
    )


every_case = cases_of(DISTRIBUTIONS)


def draws(name, parameters, n, seed, dtype=np.float32):
    fill = fast_sampler(name, parameters)
    assert fill is not None, "this distribution should have a fast sampler"
    out = np.empty(n, dtype)
    with np.errstate(all="raise", under="ignore"):
        fill(np.random.Generator(np.random.SFC64(seed)), out)
    return out.astype(np.float64)


def noise(name, seed=1, n=2**20):
    """The noise of two epochs as a run draws it, from many chunks."""
    network = Network((n // 8 - 1, 8), np.float32)
    distribution = Distribution(name, **ARTICLE_DISTRIBUTIONS[name])
    source = IndependentStreams(0, 0, seed).noise(distribution, network)
    both = np.empty((2, network.n_parameters), np.float32)
    for epoch in both:
        source.fill(epoch)
    return both


def test_options_are_the_articles_methods():
    assert set(options("dist")) == {*LETTERS}
    for option in LETTERS.keys() - {"backprop"}:
        distribution = distribution_of(option)
        assert (
            distribution.parameters
            == ARTICLE_DISTRIBUTIONS[distribution.name]
            == DISTRIBUTIONS[distribution.name][0][0]
        )
        assert article_letter(distribution.name) == LETTERS[option]
    assert article_letter(None) == LETTERS["backprop"]
    assert article_letter("laplace") is None


def test_every_univariate_sampler_of_numpy_is_an_option():
    samplers = {
        name
        for name, method in inspect.getmembers(np.random.Generator, callable)
        if not name.startswith("_") and "size" in inspect.signature(method).parameters
    }
    assert {*MORE} == {*options("dist/more")}
    assert {*MORE, *DISTRIBUTIONS} == samplers - NO_OPTION


@pytest.mark.parametrize("name", MORE)
def test_an_option_among_more_is_the_sampler_of_its_name(name):
    distribution = trial(f"dist=more/{name}", "network=small").distribution
    assert (distribution.name, distribution.parameters) == (name, MORE[name][0][0])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@cases_of({**DISTRIBUTIONS, **MORE})
def test_distribution_agrees_with_scipy(name, parameters, oracle, dtype):
    sample = np.empty(N, dtype)
    Distribution(name, **parameters).fill(np.random.Generator(np.random.SFC64(1)), sample)
    sample = sample.astype(np.float64)
    assert np.isfinite(sample).all()
    if hasattr(oracle.dist, "pmf"):
        # Single values first, then wider and wider; 2000 is where zipf's table ends.
        wide = [1990, 2000, 2010, *np.geomspace(450, 1e9, 30)]
        edges = np.unique(np.floor([*np.arange(400), *wide]))
        survival = np.concatenate([[1], oracle.sf(edges), [0]])
        expected = -np.diff(survival) * N
        observed = np.histogram(sample, [-np.inf, *(edges + 0.5), np.inf])[0]
        assert np.array_equal(sample, np.rint(sample))
        kept = expected > 5
        assert observed[~kept].sum() < 5 + 2 * expected[~kept].sum()
        p = stats.chisquare(observed[kept], expected[kept], sum_check=False).pvalue
    else:
        p = stats.kstest(sample, oracle.cdf).pvalue
        low, high = oracle.support()
        assert sample.min() >= low
        assert sample.max() <= high
    assert p > 1e-3


@every_case
def test_quantiles_agree_with_scipy(name, parameters, oracle):
    sample = draws(name, parameters, N, 2)
    for q in (0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999, 0.99999):
        x = np.quantile(sample, q, method="inverted_cdf")
        expected, share = oracle.cdf(x), np.mean(sample <= x)
        assert share == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / N))


TAILS = {
    "pareto": (1e4, 1e6, 1e7, 1e8),
    "zipf": (1e4, 1e6, 1e7, 1e8),
    "gumbel": (10, 14, 16, 18),
    "weibull": (10, 14, 16, 18),
    "rayleigh": (4.5, 5.3, 5.8, 6),
    "standard_normal": (4, 5, 5.4, 5.7),
    "noncentral_chisquare": (20, 30, 36, 40),
    "poisson": (7, 9, 10, 11),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TAILS)
def test_far_tails_are_neither_cut_nor_thick(name):
    (parameters, oracle), *_ = DISTRIBUTIONS[name]
    size, rounds = 2**20, 2**8  # 268 million draws
    fill, rng = fast_sampler(name, parameters), np.random.Generator(np.random.SFC64(3))
    out, counts = np.empty(size, np.float32), np.zeros(4)
    for _ in range(rounds):
        fill(rng, out)
        far = out[out > TAILS[name][0]]
        counts += [np.sum(far > x) for x in TAILS[name]]
    for x, count in zip(TAILS[name], counts, strict=True):
        expected = oracle.sf(x) * size * rounds
        distribution = stats.poisson(expected)
        assert min(distribution.cdf(count), distribution.sf(count - 1)) > 1e-4, (x, count, expected)


class Given(np.random.Generator):
    """Random bits and uniform numbers from lists; without one, the least and the largest."""

    def __init__(self, bits=None, u=(0, 1 - 2**-53)):
        super().__init__(np.random.SFC64(0))
        self._bits, self._u = bits, u

    def integers(self, low, high, n, dtype, **_):
        given = np.array([low, high], dtype) if self._bits is None else self._bits.view(np.uint64)
        return np.resize(given, n)

    def random(self, out):
        out[...] = np.resize(self._u, len(out))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_case
def test_the_ends_of_the_uniform_numbers_give_finite_draws(name, parameters, oracle, dtype):
    out = np.empty(64, dtype)
    with np.errstate(all="raise", under="ignore"):
        fast_sampler(name, parameters)(Given(), out)
    assert np.isfinite(out).all()
    assert len(np.unique(out)) > 1
    if hasattr(oracle, "support"):
        assert oracle.support()[0] <= out.min() <= out.max() <= oracle.support()[1]


DISCRETE = st.one_of(
    st.tuples(st.integers(1, 1999), st.floats(1e-3, 1 - 1e-3)).map(
        lambda np_: ("binomial", {"n": np_[0], "p": np_[1]}, stats.binom(*np_))
    ),
    st.floats(1e-3, 1000).map(lambda lam: ("poisson", {"lam": lam}, stats.poisson(lam))),
    st.floats(1.5, 10).map(lambda a: ("zipf", {"a": a}, Zipf(a))),
)


@given(DISCRETE)
def test_a_discrete_distribution_is_its_quantile_function(distribution):
    name, parameters, oracle = distribution
    # From the middle of the distribution to far beyond its table, and around the table's end.
    u = np.concatenate([np.geomspace(1e-17, 0.9999, 2000), np.linspace(1e-4, 1e-3, 2000)])
    x = fast_sampler(name, parameters).quantile(u)
    kept = x < 2**53  # beyond, doubles hold no neighbouring integers
    x, v = x[kept], u[kept]
    assert len(v) > 2500
    # P(X > x) < U <= P(X > x - 1), up to rounding.
    assert (oracle.sf(x) <= v * (1 + 1e-7)).all()
    assert (oracle.sf(x - 1) >= v * (1 - 1e-7)).all()


# What each distribution makes of U: its quantile function from below, or from above.
QUANTILES = {
    "beta": lambda b, u: (stats.beta(1, b).ppf if b <= 1 else stats.beta(1, b).isf)(u),
    "pareto": lambda a, u: stats.lomax(a).isf(u),
    "power": lambda a, u: stats.powerlaw(a).ppf(u),
    "weibull": lambda a, u: stats.weibull_min(a).isf(u),
}


@pytest.mark.parametrize("exponent", [0.5, 1, 1.5, 2, 2.5, 3])
@pytest.mark.parametrize("name", QUANTILES)
def test_an_algebraic_distribution_is_exact_at_both_ends(name, exponent):
    steps = np.unique(np.geomspace(1, 2**31, 4000).astype(np.uint32))
    k = np.concatenate([steps - np.uint32(1), ~steps])  # U near 0 and near 1
    k = k[: len(k) // 2 * 2]
    u, out = np.empty((2, len(k)), np.float32)
    uniform(Given(k), u)
    parameters = {"a": 1.0, "b": 1 / exponent} if name == "beta" else {"a": 1 / exponent}
    with np.errstate(all="raise"):
        fast_sampler(name, parameters)(Given(k), out)
    exact = QUANTILES[name](1 / exponent, u.astype(np.float64))
    np.testing.assert_allclose(out, exact, rtol=1e-6)


SHAPES = st.floats(0.2, 8)


@given(st.sampled_from([*QUANTILES]), SHAPES)
def test_a_distribution_is_its_quantile_function_at_any_shape(name, shape):
    u, out = np.linspace(1e-6, 1 - 1e-6, 999), np.empty(999)
    fast_sampler(name, {"a": 1.0, "b": shape} if name == "beta" else {"a": shape})(Given(u=u), out)
    # U and 1 - U follow one distribution: which of them a sampler takes is its own affair.
    expected = np.sort(QUANTILES[name](shape, u))
    np.testing.assert_allclose(np.sort(out), expected, rtol=1e-8, atol=1e-10)


@given(st.floats(-5, 5), SHAPES, st.sampled_from([0.0, 1.0]) | st.floats(0.002, 0.998))
def test_a_distribution_is_its_quantile_function_at_any_place_and_scale(place, scale, mode):
    u, out = np.linspace(1e-6, 1 - 1e-6, 999), np.empty(999)
    for name, parameters, expected in (
        ("gumbel", {"loc": place, "scale": scale}, stats.gumbel_r(place, scale).isf(u)),
        ("rayleigh", {"scale": scale}, stats.rayleigh(scale=scale).isf(u)),
        ("triangular",
         {"left": place, "mode": place + mode * scale, "right": place + scale},
         stats.triang(mode, place, scale).ppf(u)),
    ):  # fmt: skip
        fast_sampler(name, parameters)(Given(u=u), out)
        np.testing.assert_allclose(out, expected, rtol=1e-7, atol=1e-7)


def test_far_values_are_not_tied():
    far = np.concatenate([draws("pareto", {"a": 1.0}, 2**20, seed) for seed in range(16)])
    far = far[far > 1e5]  # 168 expected; 24 random bits could make no more than 168 values
    assert 100 < len(far) < 250
    assert len(np.unique(far)) > 0.97 * len(far)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARTICLE_DISTRIBUTIONS)
def test_draws_are_uncorrelated(name):
    (_, oracle), *_ = DISTRIBUTIONS[name]
    first, second = noise(name)
    other = noise(name, seed=2)[0]
    # On the scale of probability, where every distribution has moments.
    a, b, c = (oracle.cdf(x.astype(np.float64)) for x in (first, second, other))
    pairs = [(a[:-lag], a[lag:]) for lag in (1, 2, 3, 4, 8, 840, 1024, 2**16, 2**17, 2**18)]
    pairs += [(a, b), (a, c), (a[: 2**19], b[2**19 :])]
    for x, y in pairs:
        assert abs(np.corrcoef(x, y)[0, 1]) < 4.5 / np.sqrt(len(x))
        # Neither may their spreads be: a shared radius would show here.
        assert abs(np.corrcoef((x - x.mean()) ** 2, (y - y.mean()) ** 2)[0, 1]) < (
            4.5 / np.sqrt(len(x))
        )


@pytest.mark.parametrize("name", ARTICLE_DISTRIBUTIONS)
def test_any_length(name):
    for n in (0, 1, 2, 3, 7, 1001):
        sample = draws(name, DISTRIBUTIONS[name][0][0], n, 4)
        assert len(sample) == np.isfinite(sample).sum() == n


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("laplace", {"loc": 0.0, "scale": 1.0}),
        ("beta", {"a": 2.0, "b": 0.5}),
        ("noncentral_chisquare", {"df": 3.0, "nonc": 0.5}),
        ("poisson", {"lam": 1e5}),
        ("poisson", {"lam": 0.0}),
        ("binomial", {"n": 10**6, "p": 0.5}),
        ("binomial", {"n": 5, "p": 0.0}),
        ("zipf", {"a": 1.1}),
        ("weibull", {"a": 0.0}),
        *(("triangular", {"left": 0.0, "mode": m, "right": 1.0}) for m in (1e-300, 1e-5, 1 - 1e-5)),
    ],
)
def test_what_has_no_closed_form_is_numpys_own(name, parameters):
    assert fast_sampler(name, parameters) is None
    out, (ours, numpys) = np.empty(999), (np.random.default_rng(5) for _ in range(2))
    Distribution(name, **parameters).fill(ours, out)
    np.testing.assert_array_equal(out, getattr(numpys, name)(**parameters, size=999))


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
        Distribution(name, **parameters)
