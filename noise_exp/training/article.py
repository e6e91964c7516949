"""The article (Seo 2018): its constants, each once, and its program's random stream.

`conf/` repeats the constants as the command's defaults.
"""

import contextlib
import copy
import hashlib
import logging
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noise_exp.training.network import Network
from noise_exp.training.noise import (
    ARTICLE_DISTRIBUTIONS,
    Distribution,
    DistributionLike,
    NoiseTransform,
    transform,
)
from noise_exp.training.streams import BESIDE, CHANCE, ORDER, generator
from noise_exp.training.workers import ALONE, Workers

PIXELS = 784
HIDDEN = (840, 1024)
INIT_SCALE = 0.2
SIGNAL = (1.0, 0.1, 0.01)  # by layer, from the input on
LR, DROP_EPOCH, DROPPED_LR = 0.03, 4, 0.0001
EPOCHS = 100
SEED = 452
DIGITS = (0, 1)
TEST_SIZE = 20

_LETTERS = "abcdefghijklmn"

log = logging.getLogger(__name__)


def article_letter(distribution_name: str | None) -> str | None:
    """Return the article's letter of a distribution, a to m; of None, back propagation, n."""
    methods = [*ARTICLE_DISTRIBUTIONS, None]
    return _LETTERS[methods.index(distribution_name)] if distribution_name in methods else None


class ArticleStream:
    """The published program's stream: one legacy generator through everything, in its order.

    Shuffle, initial weights, then all noise of method a, of b, and so on to m. A method run
    alone starts where its predecessors' noise ended; a distribution that is not the article's
    starts after m. The predecessors' noise has to be drawn to get there (most samplers take a
    varying number of raw numbers), which costs up to a minute, so the generator's state at each
    method's start is kept in `cache`.

    Parameters
    ----------
    seed
        Non-negative seed of the whole program.
    epochs
        Epochs of every method; they decide how much noise the predecessors draw.
    cache
        Folder for the states; it need not exist, and one that cannot be written is done without.
    """

    spare_dead_pixels = False  # it spends noise on them, so they have to move

    def __init__(self, seed: int, epochs: int, cache: Path) -> None:
        if seed >= 2**32:
            raise ValueError(f"the article's generator takes seeds below 2**32, got {seed}")
        self._seed = seed
        self._epochs = epochs
        self._cache = cache
        self._rng = np.random.RandomState(seed)
        self._n_images = 0
        # What the published program has no part in is drawn beside its stream.
        self.batch_order, self.chance = generator(seed, ORDER), generator(seed, CHANCE)

    def permutation(self, n: int) -> np.ndarray:
        """Draw the order of `n` images, shape (n,)."""
        self._n_images = n
        indices = np.arange(n)
        self._rng.shuffle(indices)
        return indices

    def initial_parameters(self, network: Network, scale: float) -> np.ndarray:
        """Draw all weights, then all biases, from the input on; shape (n_parameters,)."""
        flat = np.empty(network.n_parameters, network.dtype)
        layers = network.views(flat)
        for tensor in [w for w, _ in layers] + [b for _, b in layers]:
            tensor[...] = self._rng.standard_normal(tensor.shape) * scale
        return flat

    def noise(
        self,
        distribution: DistributionLike,
        network: Network,
        workers: Workers = ALONE,  # noqa: ARG002 (one generator, one order)
        how: NoiseTransform = NoiseTransform.none,
    ) -> "ArticleNoise":
        """Return the noise of `distribution`, from where it starts in the stream.

        Raises
        ------
        ValueError
            If it is no `Distribution`: only NumPy's samplers draw from its legacy generator.
        """
        if not isinstance(distribution, Distribution):
            raise ValueError(
                f"distribution {distribution.name} is none of NumPy's, and the article's stream "
                "has no other"
            )
        predecessors = list(ARTICLE_DISTRIBUTIONS)
        if distribution.name in ARTICLE_DISTRIBUTIONS:
            predecessors = predecessors[: predecessors.index(distribution.name)]
        rng = copy.deepcopy(self._rng)
        self._skip(rng, predecessors, network)
        return ArticleNoise(distribution, how, rng, network, generator(self._seed, BESIDE))

    def _skip(self, rng: np.random.RandomState, names: list[str], network: Network) -> None:
        """Bring the generator to where these methods' noise has ended."""
        if not names or self._load(rng, names, network):
            return
        *before, last = names
        self._skip(rng, before, network)
        log.info("Drawing the noise of %s, a method before this one, once per seed ...", last)
        distribution = Distribution(last, **ARTICLE_DISTRIBUTIONS[last])
        skipped = ArticleNoise(distribution, NoiseTransform.none, rng, network, self.chance)
        scratch = np.empty(network.n_parameters, network.dtype)
        for _ in range(self._epochs):
            skipped.fill(scratch)
        self._save(rng, names, network)

    def _file(self, names: list[str], network: Network) -> Path:
        facts = (self._seed, self._epochs, self._n_images, network.sizes, names, np.__version__)
        return self._cache / f"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}.npz"

    def _load(self, rng: np.random.RandomState, names: list[str], network: Network) -> bool:
        try:
            with np.load(self._file(names, network)) as kept:
                key, *numbers = (kept[f"arr_{i}"] for i in range(4))
                rng.set_state(("MT19937", key, *(number.item() for number in numbers)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        return True

    def _save(self, rng: np.random.RandomState, names: list[str], network: Network) -> None:
        path = self._file(names, network)
        part = path.with_name(f"{os.getpid()}.{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _, *numbers = rng.get_state(legacy=True)
            np.savez(part, *numbers)
            part.replace(path)  # whole or not at all: another job may be reading
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            log.info("The generator's state is not kept (%s); the next run draws again.", error)


@dataclass
class ArticleNoise:
    """Noise of the published program: tensor by tensor, from the output back, biases last."""

    distribution: Distribution
    how: NoiseTransform
    stream: np.random.RandomState
    network: Network
    rng: np.random.Generator

    def fill(self, out: np.ndarray) -> None:
        """Fill `out`; noise on units, which the published program has not, in plain order."""
        if len(out) == self.network.n_parameters:
            for weights, biases in reversed(self.network.views(out)):
                weights[...] = self.distribution.sample(self.stream, weights.shape)
                biases[...] = self.distribution.sample(self.stream, biases.shape)
        else:
            out[...] = self.distribution.sample(self.stream, out.shape)
        transform(self.how, self.stream, out)
