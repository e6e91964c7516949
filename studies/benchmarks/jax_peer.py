"""JAX as its users write it: one compiled step, its parameters donated, its own generator.

The generator is JAX's default, threefry, which is the fastest of its three on the CPU.
Distributions that JAX would draw by rejection are drawn by their quantile functions, which are
faster.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from noise_exp.training import Trial
from noise_exp.training.article import DROPPED_LR as LR
from noise_exp.training.article import SEED, SIGNAL
from studies.benchmarks.problem import Train, poisson_cumulative, zipf_cumulative

Sampler = Callable[[Any, tuple[int, ...]], Any]

_TINY = 2**-25


def prepare(trial: Trial) -> Train:
    """Return a function that trains for a number of epochs; the threads are set by affinity."""
    split = trial.split
    x, y = jnp.asarray(split.train_images), jnp.asarray(split.train_labels)[:, None]
    layers = trial.network.views(trial.parameters)
    state = [jax.tree.map(jnp.array, layers), jax.random.key(SEED)]
    step = (
        _noise_step(x, y, _SAMPLERS[trial.distribution.name])
        if trial.distribution
        else _gradient_step(x, y)
    )

    def run(epochs: int) -> float:
        for _ in range(epochs):
            *state[:], cost, wrong = step(*state)
            measured = float(cost), float(wrong)
        jax.block_until_ready(state)
        return measured[0]

    return run


def _noise_step(x: Any, y: Any, draw: Sampler) -> Callable[..., Any]:
    @partial(jax.jit, donate_argnums=(0, 1))
    def step(layers: Any, key: Any) -> Any:
        cost, wrong = _measure(_outputs(layers, x), y)
        key, *keys = jax.random.split(key, 1 + 2 * len(layers))
        moved = []
        for (w, b), key_w, key_b, signal in zip(layers, keys[::2], keys[1::2], SIGNAL, strict=True):
            scale = signal * LR * cost
            moved.append((w + scale * draw(key_w, w.shape), b + scale * draw(key_b, b.shape)))
        return moved, key, cost, wrong

    return step


def _gradient_step(x: Any, y: Any) -> Callable[..., Any]:
    def half_sum(layers: Any) -> tuple[Any, Any]:
        output = _outputs(layers, x)
        return jnp.sum((output - y) ** 2) / 2, output

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(layers: Any, key: Any) -> Any:
        gradients, output = jax.grad(half_sum, has_aux=True)(layers)
        moved = jax.tree.map(lambda w, g: w - LR * g, layers, gradients)
        return moved, key, *_measure(output, y)

    return step


def _outputs(layers: Any, x: Any) -> Any:
    return jax.nn.sigmoid(output_sums(layers, x))


def output_sums(layers: Any, images: Any) -> Any:
    """Return what goes into the output units, shape (images, outputs)."""
    below = images
    for w, b in layers[:-1]:
        below = jnp.arctan(below @ w + b)
    w, b = layers[-1]
    return below @ w + b


def _measure(output: Any, y: Any) -> tuple[Any, Any]:
    return jnp.mean((output - y) ** 2), jnp.mean(jnp.round(output) != y)


def _uniform(key: Any, shape: tuple[int, ...]) -> Any:
    return jax.random.uniform(key, shape, minval=_TINY)


def _triangular(key: Any, shape: tuple[int, ...]) -> Any:
    t = jax.random.uniform(key, shape, minval=-1)
    return jnp.copysign(1 - jnp.sqrt(1 - jnp.abs(t)), t)


def _poisson(key: Any, shape: tuple[int, ...]) -> Any:
    u = jax.random.uniform(key, shape)
    return sum((u >= float(c)).astype(jnp.float32) for c in poisson_cumulative())


def _zipf(key: Any, shape: tuple[int, ...]) -> Any:
    u = _uniform(key, shape)
    cumulative = jnp.asarray(zipf_cumulative(), jnp.float32)
    index = jnp.searchsorted(cumulative, u, side="right")
    return jnp.where(index < len(cumulative), index + 1.0, jnp.floor(6 / math.pi**2 / (1 - u)))


_SAMPLERS: dict[str, Sampler] = {
    "gumbel": jax.random.gumbel,
    "normal": jax.random.normal,
    "standard_normal": jax.random.normal,
    "binomial": lambda key, shape: jax.random.bernoulli(key, 0.5, shape).astype(jnp.float32),
    "beta": lambda key, shape: 1 - jnp.square(jax.random.uniform(key, shape)),
    "poisson": _poisson,
    "zipf": _zipf,
    "pareto": lambda key, shape: 1 / _uniform(key, shape) - 1,
    "power": jax.random.uniform,
    "rayleigh": lambda key, shape: jnp.sqrt(-2 * jnp.log(_uniform(key, shape))),
    "triangular": _triangular,
    "weibull": lambda key, shape: -jnp.log(_uniform(key, shape)),
    "noncentral_chisquare": lambda key, shape: jnp.square(
        jax.random.normal(key, shape) + math.sqrt(0.5)
    ),
}
