"""evosax as its users write it: ask, evaluate, tell in one compiled step, its state donated."""

from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from evosax.algorithms import algorithms

from noise_exp.training.data import live_pixels
from noise_exp.training.trial import Trial
from studies.benchmarks.jax_peer import output_sums


def train(
    trial: Trial, algorithm: str, settings: Mapping[str, Any], seed: int, seconds: float
) -> tuple[int, int]:
    """Train a trial's network, spared the dead pixels too; compiling is not timed.

    Parameters
    ----------
    trial
        Its images and initial weights.
    algorithm
        As evosax calls it.
    settings
        population, std (of the noise at the start), batch (images per generation) and, of
        algorithms with a gradient, lr (Adam's), and whether lr_falls and std_falls, in a straight
        line to 0 and to a tenth.
    seed
        Of evosax's own draws.
    seconds
        After which no other generation begins.

    Returns
    -------
    The test images wrong at the end, and how many generations there were.
    """
    split, live = trial.split, live_pixels(trial.split)
    initial = trial.objective.network.views(trial.trained)
    start = [(jnp.asarray(w), jnp.asarray(b)) for w, b in initial]
    x, y = jnp.asarray(split.train_images[:, live]), jnp.asarray(split.train_labels)

    def generations(seconds: float, expected: int) -> tuple[int, Any]:
        """Train that long, with schedules of so many generations; return how many, and the mean."""
        strategy, params = _strategy(algorithm, settings, start, expected)
        generation = _generation(strategy, params, x, y, settings["batch"])
        # Compiled by the first: its own outcome is of another kind than what it began with.
        for least, budget in ((3, 0.0), (1, seconds)):
            key = jax.random.key(seed)
            # Copied: a compiled step overwrites what it is given.
            state = jax.tree.map(jnp.array, strategy.init(key, start, params))
            jax.block_until_ready(state)
            made, begin = 0, perf_counter()
            while made < least or perf_counter() - begin < budget:
                state, key = jax.block_until_ready(generation(state, key))
                made += 1
        return made, strategy.get_mean(state)

    rehearsed, _ = generations(seconds / 10, 1)
    made, mean = generations(seconds, 10 * rehearsed)
    sums = output_sums(mean, jnp.asarray(split.test_images[:, live]))
    predicted = np.asarray(jnp.argmax(sums, axis=1) if sums.shape[1] > 1 else sums[:, 0] > 0)
    return int(np.sum(predicted != split.test_labels)), made


def _generation(
    strategy: Any, params: Any, x: Any, y: Any, batch: int
) -> Callable[[Any, Any], Any]:
    def fitness(layers: Any, images: Any, labels: Any) -> Any:
        sums = output_sums(layers, images)
        if sums.shape[1] > 1:
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(sums, labels))
        return jnp.mean(optax.sigmoid_binary_cross_entropy(sums[:, 0], labels))

    @partial(jax.jit, donate_argnums=0)
    def generation(state: Any, key: Any) -> Any:
        key, k_ask, k_tell, k_batch = jax.random.split(key, 4)
        rows = jax.random.choice(k_batch, len(x), (batch,), replace=False)
        images, labels = x[rows], y[rows]
        population, state = strategy.ask(k_ask, state, params)
        # One member after the other: large products of two matrices, each on all cores.
        costs = jax.lax.map(lambda member: fitness(member, images, labels), population)
        state, _ = strategy.tell(k_tell, population, costs, state, params)
        return state, key

    return generation


def _strategy(
    algorithm: str, settings: Mapping[str, Any], start: Any, generations: int
) -> tuple[Any, Any]:
    """Return the algorithm and its parameters."""
    std = settings["std"]
    keywords: dict[str, Any] = {"metrics_fn": lambda *_: {}}  # it copies whole populations
    if "lr" in settings:
        last = 0.0 if settings["lr_falls"] else settings["lr"]
        rate = optax.linear_schedule(settings["lr"], last, generations)
        last = std / 10 if settings["std_falls"] else std
        keywords["optimizer"] = optax.adam(rate)
        keywords["std_schedule"] = optax.linear_schedule(std, last, generations)
    strategy = algorithms[algorithm](settings["population"], start, **keywords)
    params = strategy.default_params
    return strategy, params if "lr" in settings else params.replace(std_init=std)
