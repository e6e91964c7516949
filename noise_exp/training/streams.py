"""Random streams: what draws the split, the initial weights and the noise of a run."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from noise_exp.training.network import Network
from noise_exp.training.noise import DistributionLike, Noise, NoiseTransform, transform
from noise_exp.training.workers import ALONE, Workers

_INIT, _DATA, _NOISE, ORDER, CHANCE, BESIDE = range(6)
_CHUNK = 2**17  # numbers: they stay in a core's own cache, and threads seldom meet at the GIL


class Streams(Protocol):
    """What a trial draws from.

    Attributes
    ----------
    batch_order
        Draws which images are a batch.
    chance
        Decides what is left to chance in accepting a step.
    spare_dead_pixels
        Whether weights on pixels that are dead in every image need no noise.
    """

    batch_order: np.random.Generator
    chance: np.random.Generator
    spare_dead_pixels: bool

    def permutation(self, n: int) -> np.ndarray:
        """Draw the order of `n` images, shape (n,)."""

    def initial_parameters(self, network: Network, scale: float) -> np.ndarray:
        """Draw `scale` * standard normal for every parameter, shape (n_parameters,)."""

    def noise(
        self,
        distribution: DistributionLike,
        network: Network,
        workers: Workers = ALONE,
        how: NoiseTransform = NoiseTransform.none,
    ) -> Noise:
        """Return the source of a run's noise: a distribution's draws, transformed."""


class IndependentStreams:
    """Independent generators, so that each source of randomness has a seed of its own.

    Parameters
    ----------
    init, data, noise, batches
        Non-negative seeds of the initial weights, of the split of the data, of the noise, and of
        the order of the images in batches; None for that of the data, as before it had its own.
    """

    spare_dead_pixels = True

    def __init__(self, init: int, data: int, noise: int, batches: int | None = None) -> None:
        self._init, self._data = generator(init, _INIT), generator(data, _DATA)
        self._noise = noise
        self.batch_order = generator(data if batches is None else batches, ORDER)
        self.chance = generator(noise, CHANCE)

    def permutation(self, n: int) -> np.ndarray:
        """Draw the order of `n` images, shape (n,)."""
        return self._data.permutation(n)

    def initial_parameters(self, network: Network, scale: float) -> np.ndarray:
        """Draw `scale` * standard normal for every parameter, shape (n_parameters,)."""
        flat = np.empty(network.n_parameters, network.dtype)
        self._init.standard_normal(dtype=flat.dtype, out=flat)
        flat *= scale
        return flat

    def noise(
        self,
        distribution: DistributionLike,
        network: Network,  # noqa: ARG002 (one order, whatever the size)
        workers: Workers = ALONE,
        how: NoiseTransform = NoiseTransform.none,
    ) -> "ChunkedNoise":
        """Return the source of a run's noise, drawn by the threads of `workers`.

        Each distribution has a stream of its own, so that two names of one are two samples of it.
        """
        seed = _seed(self._noise, _NOISE, *distribution.name.encode())
        return ChunkedNoise(distribution, how, seed, workers, generator(self._noise, BESIDE))


def _seed(seed: int, *key: int) -> np.random.SeedSequence:
    # Children by key, not seed + 1: equal seeds still give unrelated streams.
    return np.random.SeedSequence(seed, spawn_key=key)


def generator(seed: int, key: int) -> np.random.Generator:
    """Return a generator of its own for each seed and each use."""
    return np.random.default_rng(_seed(seed, key))


@dataclass
class ChunkedNoise:
    """Noise in chunks, each from a generator of its own: the same whatever thread draws it."""

    distribution: DistributionLike
    how: NoiseTransform
    seed: np.random.SeedSequence
    workers: Workers
    rng: np.random.Generator
    _rngs: list[np.random.Generator] = field(default_factory=list)

    def fill(self, out: np.ndarray) -> None:
        """Fill `out`, of any length; what is transformed as one sample are equal parts of it."""
        pieces = [out[i : i + _CHUNK] for i in range(0, len(out), _CHUNK)]
        if pieces and self.how in (NoiseTransform.standardize, NoiseTransform.rank):
            pieces = np.array_split(out, len(pieces))
        while len(self._rngs) < len(pieces):
            self._rngs.append(np.random.Generator(np.random.SFC64(self.seed.spawn(1)[0])))

        def draw(piece: tuple[np.random.Generator, np.ndarray]) -> None:
            rng, numbers = piece
            self.distribution.fill(rng, numbers)
            transform(self.how, rng, numbers)

        self.workers.map(draw, list(zip(self._rngs, pieces, strict=False)))
