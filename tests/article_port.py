"""The published program, ported line for line: the oracle of the replay tests.

Written from the facts of the article alone and sharing no code with noise_exp: one legacy
random stream runs through the shuffle, the initial weights and then every method in turn.
Method d uses its own layer 3 (the published program reads method b's by mistake).
"""

import itertools

import numpy as np

METHODS = {
    "gumbel": lambda r, s: r.gumbel(0, 1, s),
    "gaussian": lambda r, s: r.normal(0, 1, s),
    "standard_normal": lambda r, s: r.randn(*s),
    "binomial": lambda r, s: r.binomial(1, 0.5, s),
    "beta": lambda r, s: r.beta(1, 0.5, s),
    "poisson": lambda r, s: r.poisson(1, s),
    "zipf": lambda r, s: r.zipf(2, s),
    "pareto": lambda r, s: r.pareto(1, s),
    "power": lambda r, s: r.power(1, s),
    "rayleigh": lambda r, s: r.rayleigh(1, s),
    "triangular": lambda r, s: r.triangular(-1, 0, 1, s),
    "weibull": lambda r, s: r.weibull(1, s),
    "noncentral_chisquare": lambda r, s: r.noncentral_chisquare(1, 0.5, s),
    "backprop": None,
}


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def replay(images, labels, seed, hidden=(840, 1024), epochs=100, test_size=20, only=None):
    """Run the methods in published order; return {name: (costs, test errors, train errors)}.

    `only` limits which methods are trained; the noise of the others is drawn all the same.
    """
    r = np.random.RandomState(seed)
    indices = np.arange(len(images))
    r.shuffle(indices)
    x_all, y_all = images[indices].astype(float), labels[indices].astype(float)[:, None]
    xt, yt = x_all[:test_size], y_all[:test_size]
    x, y = x_all[test_size:], y_all[test_size:]

    sizes = (images.shape[1], *hidden, 1)
    start_w = [r.randn(m, n) * 0.2 for m, n in itertools.pairwise(sizes)]
    start_b = [r.randn(n) * 0.2 for n in sizes[1:]]

    results = {}
    for name, draw in METHODS.items():
        w1, w2, w3 = (w.copy() for w in start_w)
        b1, b2, b3 = (b.copy() for b in start_b)
        trained = only is None or name in only
        if draw is None and not trained:
            continue
        lr, costs = 0.03, []
        for epoch in range(epochs):
            cost = 0.0
            if trained:
                l1 = x @ w1 + b1
                a1 = np.arctan(l1)
                l2 = a1 @ w2 + b2
                a2 = np.arctan(l2)
                a3 = sigmoid(a2 @ w3 + b3)
                cost = np.mean((a3 - y) ** 2)
                costs.append(cost)
            if draw is not None:
                n3, m3 = draw(r, w3.shape), draw(r, b3.shape)
                n2, m2 = draw(r, w2.shape), draw(r, b2.shape)
                n1, m1 = draw(r, w1.shape), draw(r, b1.shape)
                w3 = w3 + 0.01 * lr * cost * n3
                b3 = b3 + 0.01 * lr * cost * m3
                w2 = w2 + 0.1 * lr * cost * n2
                b2 = b2 + 0.1 * lr * cost * m2
                w1 = w1 + lr * cost * n1
                b1 = b1 + lr * cost * m1
            else:
                d3 = (a3 - y) * a3 * (1 - a3)
                d2 = (d3 @ w3.T) / (1 + l2**2)
                d1 = (d2 @ w2.T) / (1 + l1**2)
                w3, b3 = w3 - lr * a2.T @ d3, b3 - lr * d3.sum(0)
                w2, b2 = w2 - lr * a1.T @ d2, b2 - lr * d2.sum(0)
                w1, b1 = w1 - lr * x.T @ d1, b1 - lr * d1.sum(0)
            if epoch == 3:
                lr = 0.0001
        if not trained:
            continue

        def errors(images, labels, w1=w1, w2=w2, w3=w3, b1=b1, b2=b2, b3=b3):
            hidden2 = np.arctan(np.arctan(images @ w1 + b1) @ w2 + b2)
            return int(np.sum(np.round(sigmoid(hidden2 @ w3 + b3)) != labels))

        results[name] = (np.array(costs), errors(xt, yt), errors(x, y))
    return results
