"""What every contender is given: the article's images, network and initial weights."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from noise_exp.training.data import Embedded, Split
from noise_exp.training.network import Network
from noise_exp.training.noise import ARTICLE_LAWS
from noise_exp.training.streams import IndependentStreams

METHODS = (*ARTICLE_LAWS, "backprop")
SIGNAL = (1.0, 0.1, 0.01)
LR = 1e-4  # the article's after its first four epochs

# Runs a number of epochs, one after the other; returns the cost that the last one started from.
Train = Callable[[int], float]


@dataclass(frozen=True)
class Problem:
    """Images, labels and initial parameters.

    Attributes
    ----------
    split
        The images and labels, float32.
    layers
        Weights (units below, units) and biases (units,) of each layer.
    """

    split: Split
    layers: list[tuple[np.ndarray, np.ndarray]]


def article_problem(hidden: tuple[int, ...] = (840, 1024)) -> Problem:
    """Return the article's problem: 2,095 training images of 784 pixels."""
    streams = IndependentStreams(452, 452, 452)
    split = Embedded([0, 1], 20, 1.0).split(streams.permutation, np.float32)
    network = Network((split.train_images.shape[1], *hidden, 1), np.float32)
    return Problem(split, network.views(streams.initial_parameters(network, 0.2)))


def enlarged(problem: Problem, images: int) -> Problem:
    """Return the problem with as many training images as asked for, by repeating its own."""
    split = problem.split
    chosen = np.arange(images) % len(split.train_labels)
    more = replace(
        split, train_images=split.train_images[chosen], train_labels=split.train_labels[chosen]
    )
    return replace(problem, split=more)
