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


def train(trial: Trial, settings: Mapping[str, Any], seed: int, seconds: float) -> tuple[int, int]:
    """Train a trial's network, spared the dead pixels too; compiling is not timed.

    Parameters
    ----------
    trial
        Its images and initial weights.
    settings
        algorithm, population and std (of the noise at the start) as evosax calls them, batch
        (images per generation; None for all) and, of algorithms with a gradient, optimizer
        (optax's name) and lr.
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
    strategy, params = _strategy(settings, start)
    x, y = jnp.asarray(split.train_images[:, live]), jnp.asarray(split.train_labels)
    generation = _generation(strategy, params, x, y, settings["batch"])
    for budget in (0.0, seconds):  # compiled by the first
        key = jax.random.key(seed)
        # Copied: a compiled step overwrites what it is given.
        state = jax.tree.map(jnp.array, strategy.init(key, start, params))
        jax.block_until_ready(state)
        generations, begin = 0, perf_counter()
        while not generations or perf_counter() - begin < budget:
            state, key = jax.block_until_ready(generation(state, key))
            generations += 1
    sums = output_sums(strategy.get_mean(state), jnp.asarray(split.test_images[:, live]))
    predicted = np.asarray(jnp.argmax(sums, axis=1) if sums.shape[1] > 1 else sums[:, 0] > 0)
    return int(np.sum(predicted != split.test_labels)), generations


def _generation(
    strategy: Any, params: Any, x: Any, y: Any, batch: int | None
) -> Callable[[Any, Any], Any]:
    def fitness(layers: Any, images: Any, labels: Any) -> Any:
        sums = output_sums(layers, images)
        if sums.shape[1] > 1:
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(sums, labels))
        return jnp.mean(optax.sigmoid_binary_cross_entropy(sums[:, 0], labels))

    @partial(jax.jit, donate_argnums=0)
    def generation(state: Any, key: Any) -> Any:
        key, k_ask, k_tell, k_batch = jax.random.split(key, 4)
        images, labels = x, y
        if batch:
            rows = jax.random.choice(k_batch, len(x), (batch,), replace=False)
            images, labels = x[rows], y[rows]
        population, state = strategy.ask(k_ask, state, params)
        # One member after the other: large products of two matrices, each on all cores.
        costs = jax.lax.map(lambda member: fitness(member, images, labels), population)
        state, _ = strategy.tell(k_tell, population, costs, state, params)
        return state, key

    return generation


def _strategy(settings: Mapping[str, Any], start: Any) -> tuple[Any, Any]:
    """Return the algorithm and its parameters."""
    name, std = settings["algorithm"], settings["std"]
    keywords: dict[str, Any] = {"metrics_fn": lambda *_: {}}  # it copies whole populations
    if "lr" in settings:
        keywords["optimizer"] = getattr(optax, settings["optimizer"])(settings["lr"])
    if name in _SCHEDULED:
        keywords["std_schedule"] = optax.constant_schedule(std)
    strategy = algorithms[name](settings["population"], start, **keywords)
    params = strategy.default_params
    if name not in _SCHEDULED:
        params = params.replace(std_init=std)
    return strategy, params


_SCHEDULED = ("Open_ES", "HillClimbing")
