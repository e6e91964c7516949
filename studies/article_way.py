"""The article's way: plain NumPy in float64, a new array for every step, one legacy generator.

What the rest of this package is measured against, and the whole idea on one page.
"""

from collections.abc import Callable, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from noise_exp.training import article
from noise_exp.training.noise import ARTICLE_DISTRIBUTIONS

_NAMES = ("w1", "b1", "w2", "b2", "w3", "b3")


def article_way(
    images: np.ndarray,
    labels: np.ndarray,
    layers: Sequence[tuple[np.ndarray, np.ndarray]],
    distribution: str | None,
    lr: float,
    signal: Sequence[float],
    threads: int = 1,
) -> Callable[[int], float]:
    """Return a function that trains for a number of epochs and returns the last one's cost.

    Parameters
    ----------
    images, labels
        Of shapes (images, pixels) and (images,), zeros and ones.
    layers
        Weights (units below, units) and biases (units,) of three layers.
    distribution
        One of the article's; None for back propagation, which asks for no signal.
    signal
        By layer, from the input on.
    """
    x, y = images.astype(np.float64), labels.astype(np.float64)[:, None]
    p = dict(zip(_NAMES, (t.astype(np.float64) for pair in layers for t in pair), strict=True))
    signals = dict(zip(_NAMES, np.repeat(signal, 2), strict=False))
    rng = np.random.RandomState(article.SEED)

    def run(epochs: int) -> float:
        with threadpool_limits(threads, user_api="blas"), np.errstate(over="ignore"):
            for _ in range(epochs):
                cost, gradients = _epoch(p, x, y, exact=distribution is None)
                for name, gradient in gradients.items():
                    p[name] = p[name] - lr * gradient
                if distribution:
                    for name in ("w3", "b3", "w2", "b2", "w1", "b1"):
                        xi = getattr(rng, distribution)(
                            **ARTICLE_DISTRIBUTIONS[distribution], size=p[name].shape
                        )
                        p[name] = p[name] + signals[name] * lr * cost * xi
        return cost

    return run


def _epoch(
    p: dict[str, np.ndarray], x: np.ndarray, y: np.ndarray, exact: bool
) -> tuple[float, dict[str, np.ndarray]]:
    """Return the cost and, if `exact`, the gradient of every tensor."""
    z1 = x @ p["w1"] + p["b1"]
    a1 = np.arctan(z1)
    z2 = a1 @ p["w2"] + p["b2"]
    a2 = np.arctan(z2)
    output = 1 / (1 + np.exp(-(a2 @ p["w3"] + p["b3"])))
    cost = float(np.square(output - y).sum() / len(x))
    if not exact:
        return cost, {}
    d3 = (output - y) * output * (1 - output)
    d2 = (d3 @ p["w3"].T) * (1 / (1 + z2**2))
    d1 = (d2 @ p["w2"].T) * (1 / (1 + z1**2))
    return cost, {
        "w3": a2.T @ d3, "b3": d3.sum(axis=0), "w2": a1.T @ d2, "b2": d2.sum(axis=0),
        "w1": x.T @ d1, "b1": d1.sum(axis=0),
    }  # fmt: skip
