"""What every contender is given: a trial with the article's images, network and initial weights."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from noise_exp.training import (
    ARTICLE_DISTRIBUTIONS,
    Distribution,
    Embedded,
    IndependentStreams,
    Schedule,
    Split,
    Trial,
    Vanilla,
    article,
)

METHODS = (*ARTICLE_DISTRIBUTIONS, "backprop")
_TERMS = 1000

# Runs a number of epochs, one after the other; returns the cost that the last one started from.
Train = Callable[[int], float]


def article_trial(
    method: str,
    threads: int = 1,
    hidden: tuple[int, ...] = article.HIDDEN,
    images: int | None = None,
) -> Trial:
    """Return the article's trial as it goes on after its first four epochs, without an end.

    `method` is one of METHODS. `images`: so many for training in place of the article's 2,095, by
    repeating these.
    """
    streams = IndependentStreams(article.SEED, article.SEED, article.SEED)
    split = Embedded().split(streams.permutation)
    return Trial(
        split if images is None else _repeated(split, images),
        None if method == "backprop" else Distribution(method, **ARTICLE_DISTRIBUTIONS[method]),
        streams,
        optimizer=Vanilla(article.DROPPED_LR, drop_epoch=None),
        hidden=hidden,
        schedule=Schedule(),
        threads=threads,
    )


def _repeated(split: Split, images: int) -> Split:
    chosen = np.arange(images) % len(split.train_labels)
    return replace(
        split, train_images=split.train_images[chosen], train_labels=split.train_labels[chosen]
    )


def poisson_cumulative(lam: float = 1.0) -> np.ndarray:
    """P(X <= k) for k = 0, 1, ... up to what float32 tells from 1, for peers without a sampler."""
    return np.cumsum([math.exp(-lam) * lam**k / math.factorial(k) for k in range(11)])


def zipf_cumulative() -> np.ndarray:
    """P(X <= k) for k = 1 to 1000, of zipf(2)."""
    return np.cumsum(6 / math.pi**2 / np.arange(1.0, _TERMS + 1) ** 2)
