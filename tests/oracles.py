"""Losses written down anew from the textbooks, gradients by finite differences, SciPy's laws."""

import numpy as np
from scipy import special, stats
from scipy.special import expit, log_softmax, softmax

from noise_exp.training.costs import SquaredError
from noise_exp.training.network import Network
from noise_exp.training.noise import Law
from noise_exp.training.objective import Objective
from noise_exp.training.streams import IndependentStreams

NORMAL = Law("standard_normal")


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


# Each law as NumPy names it, and as SciPy does.
LAWS = {
    "gumbel": [
        ({"loc": 0.0, "scale": 1.0}, stats.gumbel_r()),
        ({"loc": 1.0, "scale": 2.0}, stats.gumbel_r(1, 2)),
    ],
    "normal": [
        ({"loc": 0.0, "scale": 1.0}, stats.norm()),
        ({"loc": 2.0, "scale": 3.0}, stats.norm(2, 3)),
    ],
    "standard_normal": [({}, stats.norm())],
    "binomial": [
        ({"n": 1, "p": 0.5}, stats.binom(1, 0.5)),
        ({"n": 10, "p": 0.3}, stats.binom(10, 0.3)),
        ({"n": 1000, "p": 0.01}, stats.binom(1000, 0.01)),
    ],
    "beta": [({"a": 1.0, "b": 0.5}, stats.beta(1, 0.5)), ({"a": 1.0, "b": 3.0}, stats.beta(1, 3))],
    "poisson": [({"lam": lam}, stats.poisson(lam)) for lam in (1.0, 0.05, 20.0, 300.0)],
    "zipf": [({"a": a}, Zipf(a)) for a in (2.0, 1.5, 3.0, 8.0)],
    "pareto": [({"a": a}, stats.lomax(a)) for a in (1.0, 3.0, 0.5)],
    "power": [({"a": a}, stats.powerlaw(a)) for a in (1.0, 2.5, 0.5)],
    "rayleigh": [({"scale": s}, stats.rayleigh(scale=s)) for s in (1.0, 0.5)],
    "triangular": [
        ({"left": left, "mode": mode, "right": right},
         stats.triang((mode - left) / (right - left), left, right - left))
        for left, mode, right in (
            (-1.0, 0.0, 1.0), (-1.0, 1.0, 2.0), (0.0, 0.0, 1.0), (0.0, 2.0, 2.0),
        )
    ],
    "weibull": [({"a": a}, stats.weibull_min(a)) for a in (1.0, 2.5, 0.5)],
    "noncentral_chisquare": [
        ({"df": 1.0, "nonc": 0.5}, stats.ncx2(1, 0.5)),
        ({"df": 1.0, "nonc": 4.0}, stats.ncx2(1, 4)),
    ],
}  # fmt: skip


def source(law=NORMAL):
    return IndependentStreams(0, 0, 3).noise(law, Network((1, 1), np.float64))


def directions(estimating, objective, w, n, noise=None):
    noise, out = noise or source(), np.empty((n, len(w)))
    for row in out:
        estimating.estimate(objective, w, noise, row)
    return out


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))
