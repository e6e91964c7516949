"""Losses anew from the textbooks, gradients by finite differences, SciPy's distributions."""

import numpy as np
from scipy import special, stats
from scipy.special import expit, log_softmax, softmax

from noise_exp.training.network import Network, SquaredError
from noise_exp.training.noise import Distribution
from noise_exp.training.objective import Objective
from noise_exp.training.streams import IndependentStreams

NORMAL = Distribution("standard_normal")


def material(n_out, n=23, seed=1):
    """A small network with its parameters, images and labels."""
    rng = np.random.default_rng(seed)
    network = Network((5, 7, 6, n_out), np.float64)
    w = rng.normal(size=network.n_parameters)
    return network, w, rng.normal(size=(n, 5)), rng.integers(0, max(n_out, 2), n)


def problem(n_out, cost, n=23, seed=1):
    """An objective, its parameters, and its loss, written down anew from the textbooks."""
    network, w, images, labels = material(n_out, n, seed)

    def loss(w):
        below = images
        for weights, biases in network.views(w)[:-1]:
            below = np.arctan(below @ weights + biases)
        weights, biases = network.views(w)[-1]
        z = below @ weights + biases
        if n_out == 1:
            p, z = expit(z[:, 0]), z[:, 0]
            if cost is SquaredError:
                return np.sum((p - labels) ** 2) / 2
            return -np.sum(np.where(labels == 1, np.log(p), np.log1p(-p)))
        if cost is SquaredError:
            return np.sum((softmax(z, axis=1) - np.eye(n_out)[labels]) ** 2) / 2
        return -np.sum(log_softmax(z, axis=1)[np.arange(n), labels])

    return Objective(network, images, labels, cost=cost()), w, loss


def numeric_gradient(loss, w):
    return np.array([(loss(w + s) - loss(w - s)) / 2e-6 for s in 1e-6 * np.eye(len(w))])


class Zipf:
    """SciPy's zipf sums term by term, which takes too long in its tail; Hurwitz' zeta does not."""

    dist = stats.zipf

    def __init__(self, a):
        self.a = a

    def sf(self, x):
        return special.zeta(self.a, np.floor(x) + 1) / special.zeta(self.a)

    def cdf(self, x):
        return 1 - self.sf(x)

    def stats(self, moments):
        return stats.zipf(self.a).stats(moments)


# Each distribution as NumPy names it and its parameters, as SciPy does, and settings.
_DISTRIBUTIONS = {
    "gumbel": ("loc scale", stats.gumbel_r, (0.0, 1.0), (1.0, 2.0)),
    "normal": ("loc scale", stats.norm, (0.0, 1.0), (2.0, 3.0)),
    "standard_normal": ("", stats.norm, ()),
    "binomial": ("n p", stats.binom, (1, 0.5), (10, 0.3), (1000, 0.01)),
    "beta": ("a b", stats.beta, (1.0, 0.5), (1.0, 3.0)),
    "poisson": ("lam", stats.poisson, (1.0,), (0.05,), (20.0,), (300.0,)),
    "zipf": ("a", Zipf, (2.0,), (1.5,), (3.0,), (8.0,)),
    "pareto": ("a", stats.lomax, (1.0,), (3.0,), (0.5,)),
    "power": ("a", stats.powerlaw, (1.0,), (2.5,), (0.5,)),
    "rayleigh": ("scale", lambda scale: stats.rayleigh(scale=scale), (1.0,), (0.5,)),
    "triangular": (
        "left mode right",
        lambda left, mode, right: stats.triang((mode - left) / (right - left), left, right - left),
        (-1.0, 0.0, 1.0), (-1.0, 1.0, 2.0), (0.0, 0.0, 1.0), (0.0, 2.0, 2.0),
    ),
    "weibull": ("a", stats.weibull_min, (1.0,), (2.5,), (0.5,)),
    "noncentral_chisquare": ("df nonc", stats.ncx2, (1.0, 0.5), (1.0, 4.0)),
}  # fmt: skip
# Those of conf/dist/more.
_MORE = {
    "chisquare": ("df", stats.chi2, (1.0,)),
    "exponential": ("scale", lambda scale: stats.expon(scale=scale), (1.0,)),
    "f": ("dfnum dfden", stats.f, (5.0, 5.0)),
    "gamma": ("shape scale", lambda shape, scale: stats.gamma(shape, scale=scale), (2.0, 1.0)),
    "geometric": ("p", stats.geom, (0.5,)),
    "hypergeometric": (
        "ngood nbad nsample",
        lambda good, bad, n: stats.hypergeom(good + bad, good, n), (10, 10, 10),
    ),
    "laplace": ("loc scale", stats.laplace, (0.0, 1.0)),
    "logistic": ("loc scale", stats.logistic, (0.0, 1.0)),
    "lognormal": (
        "mean sigma", lambda mean, sigma: stats.lognorm(sigma, scale=np.exp(mean)), (0.0, 1.0)
    ),
    "logseries": ("p", stats.logser, (0.5,)),
    "negative_binomial": ("n p", stats.nbinom, (2.0, 0.5)),
    "noncentral_f": ("dfnum dfden nonc", stats.ncf, (5.0, 5.0, 1.0)),
    "standard_cauchy": ("", stats.cauchy, ()),
    "standard_t": ("df", stats.t, (3.0,)),
    "uniform": ("low high", lambda low, high: stats.uniform(low, high - low), (-1.0, 1.0)),
    "vonmises": ("mu kappa", lambda mu, kappa: stats.vonmises(kappa, mu), (0.0, 1.0)),
    "wald": (
        "mean scale", lambda mean, scale: stats.invgauss(mean / scale, scale=scale), (1.0, 1.0)
    ),
}  # fmt: skip


def _cases(distributions):
    return {
        name: [(dict(zip(names.split(), row, strict=True)), of_scipy(*row)) for row in settings]
        for name, (names, of_scipy, *settings) in distributions.items()
    }


DISTRIBUTIONS, MORE = _cases(_DISTRIBUTIONS), _cases(_MORE)


def source(distribution=NORMAL):
    return IndependentStreams(0, 0, 3).noise(distribution, Network((1, 1), np.float64))


def directions(estimating, objective, w, n, noise=None):
    noise, out = noise or source(), np.empty((n, len(w)))
    for row in out:
        estimating.estimate(objective, w, noise, row)
    return out


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))
