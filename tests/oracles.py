"""Losses written down anew from the textbooks, and gradients by finite differences."""

import numpy as np
from scipy.special import expit, log_softmax, softmax

from noise_exp.training.costs import SquaredError
from noise_exp.training.network import Network
from noise_exp.training.objective import Objective


def problem(n_out, cost, n=23, seed=1):
    """A small network with images; and its loss, written down anew from the textbooks."""
    rng = np.random.default_rng(seed)
    network = Network((5, 7, 6, n_out), np.float64)
    w = rng.normal(size=network.n_parameters)
    images, labels = rng.normal(size=(n, 5)), rng.integers(0, max(n_out, 2), n)

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
