"""The published program, written anew: the oracle of the replay tests.

Written from the facts of the article alone and sharing no code with noise_exp: one legacy
random stream runs through the shuffle, the initial weights and then every method in turn.
Method d uses its own layer 3 (the published program reads method b's by mistake).
"""

import itertools

import numpy as np

# What draws each method's noise, of NumPy's RandomState, and its parameters.
METHODS = {
    "gumbel": ("gumbel", 0, 1),
    "gaussian": ("normal", 0, 1),
    "standard_normal": ("standard_normal",),
    "binomial": ("binomial", 1, 0.5),
    "beta": ("beta", 1, 0.5),
    "poisson": ("poisson", 1),
    "zipf": ("zipf", 2),
    "pareto": ("pareto", 1),
    "power": ("power", 1),
    "rayleigh": ("rayleigh", 1),
    "triangular": ("triangular", -1, 0, 1),
    "weibull": ("weibull", 1),
    "noncentral_chisquare": ("noncentral_chisquare", 1, 0.5),
    "backprop": None,
}
SIGNALS = (1, 0.1, 0.01)  # layer by layer, from the input on


def forward(x, weights, biases):
    """Return what each layer sums, and what it makes of it: the last by a sigmoid."""
    sums, values = [], [x]
    for w, b in zip(weights, biases, strict=True):
        sums.append(values[-1] @ w + b)
        values.append(np.arctan(sums[-1]))
    with np.errstate(over="ignore"):
        values[-1] = 1 / (1 + np.exp(-sums[-1]))
    return sums, values


def replay(images, labels, seed, hidden=(840, 1024), epochs=100, test_size=20, only=None):
    """Run the methods in published order; return {name: (costs, test errors, train errors)}.

    `only` limits which methods are trained; the noise of the others is drawn all the same.
    """
    r = np.random.RandomState(seed)
    indices = np.arange(len(images))
    r.shuffle(indices)
    x_all, y_all = images[indices].astype(float), labels[indices].astype(float)[:, None]
    x, y = x_all[test_size:], y_all[test_size:]

    sizes = (images.shape[1], *hidden, 1)
    start_w = [r.randn(m, n) * 0.2 for m, n in itertools.pairwise(sizes)]
    start_b = [r.randn(n) * 0.2 for n in sizes[1:]]

    results = {}
    for name, drawn in METHODS.items():
        w, b = ([layer.copy() for layer in layers] for layers in (start_w, start_b))
        trained = only is None or name in only
        lr, costs = 0.03, []
        for epoch in range(epochs if drawn or trained else 0):
            if trained:
                sums, values = forward(x, w, b)
                costs.append(np.mean((values[-1] - y) ** 2))
            if drawn:
                distribution, *parameters = drawn
                for i in (2, 1, 0):
                    for layers in (w, b):
                        noise = getattr(r, distribution)(*parameters, size=layers[i].shape)
                        if trained:
                            layers[i] = layers[i] + SIGNALS[i] * lr * costs[-1] * noise
            else:
                out = values[-1]
                delta = (out - y) * out * (1 - out)
                for i in (2, 1, 0):
                    below = (delta @ w[i].T) / (1 + sums[i - 1] ** 2) if i else None
                    w[i], b[i] = w[i] - lr * values[i].T @ delta, b[i] - lr * delta.sum(0)
                    delta = below
            if epoch == 3:
                lr = 0.0001
        if trained:
            wrong = np.round(forward(x_all, w, b)[1][-1]) != y_all
            errors = (int(wrong[:test_size].sum()), int(wrong[test_size:].sum()))
            results[name] = (np.array(costs), *errors)
    return results
