"""The article's way: plain NumPy in float64, a new array for every step, one legacy generator."""

import numpy as np
from threadpoolctl import threadpool_limits

from noise_exp.bench.problem import LR, SIGNAL, Problem, Train
from noise_exp.noise import ARTICLE_LAWS


def prepare(problem: Problem, method: str, threads: int) -> Train:
    """Return a function that trains for a number of epochs."""
    x = problem.split.train_images.astype(np.float64)
    y = problem.split.train_labels.astype(np.float64)[:, None]
    (w1, b1), (w2, b2), (w3, b3) = (
        (w.astype(np.float64), b.astype(np.float64)) for w, b in problem.layers
    )
    parameters = {"w1": w1, "b1": b1, "w2": w2, "b2": b2, "w3": w3, "b3": b3}
    rng = np.random.RandomState(452)
    keywords = ARTICLE_LAWS.get(method, {})
    signals = dict(zip(("w1", "b1", "w2", "b2", "w3", "b3"), np.repeat(SIGNAL, 2), strict=True))

    def epoch() -> float:
        p = parameters
        z1 = x @ p["w1"] + p["b1"]
        a1 = np.arctan(z1)
        z2 = a1 @ p["w2"] + p["b2"]
        a2 = np.arctan(z2)
        output = 1 / (1 + np.exp(-(a2 @ p["w3"] + p["b3"])))
        cost = np.square(output - y).sum() / len(x)
        if method != "backprop":
            for name in ("w3", "b3", "w2", "b2", "w1", "b1"):
                xi = getattr(rng, method)(**keywords, size=p[name].shape)
                p[name] = p[name] + signals[name] * LR * cost * xi
            return float(cost)
        d3 = (output - y) * output * (1 - output)
        d2 = (d3 @ p["w3"].T) * (1 / (1 + z2**2))
        d1 = (d2 @ p["w2"].T) * (1 / (1 + z1**2))
        gradients = {
            "w3": a2.T @ d3, "b3": d3.sum(axis=0), "w2": a1.T @ d2, "b2": d2.sum(axis=0),
            "w1": x.T @ d1, "b1": d1.sum(axis=0),
        }  # fmt: skip
        for name, gradient in gradients.items():
            p[name] = p[name] - LR * gradient
        return float(cost)

    def run(epochs: int) -> float:
        with threadpool_limits(threads, user_api="blas"), np.errstate(over="ignore"):
            for _ in range(epochs):
                cost = epoch()
        return cost

    return run
