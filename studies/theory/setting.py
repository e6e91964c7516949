"""The problems that claims are tested on: small ones, made of the program's own parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import DTypeLike
from scipy import stats

from noise_exp.training import article
from noise_exp.training.data import Embedded, Split, live_pixels
from noise_exp.training.loop import Schedule
from noise_exp.training.network import Layers, Network, with_ones
from noise_exp.training.noise import ARTICLE_DISTRIBUTIONS, Distribution, Noise, NoiseTransform
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Vanilla
from noise_exp.training.products import Products
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.trial import Trial

# Those with finite moments, as scipy writes them: an oracle that shares no code with ours.
FINITE_DISTRIBUTIONS = {
    "gumbel": stats.gumbel_r(),
    "normal": stats.norm(),
    "standard_normal": stats.norm(),
    "binomial": stats.binom(1, 0.5),
    "beta": stats.beta(1, 0.5),
    "poisson": stats.poisson(1),
    "power": stats.uniform(),
    "rayleigh": stats.rayleigh(),
    "triangular": stats.triang(0.5, -1, 2),
    "weibull": stats.expon(),
    "noncentral_chisquare": stats.ncx2(1, 0.5),
}


@dataclass(frozen=True)
class Images:
    """Zeros and ones on the pixels that are not 0 in all of them.

    Attributes
    ----------
    pixels
        Shape (images, pixels).
    labels
        Shape (images,).
    """

    pixels: np.ndarray
    labels: np.ndarray

    def take(self, n: int) -> "Images":
        """Return the first `n`."""
        return Images(self.pixels[:n], self.labels[:n])

    def objective(self, network: Network) -> Objective:
        """Return the article's cost on these images."""
        return Objective(network, self.pixels.astype(network.dtype), self.labels)


@cache
def zeros_and_ones(pixel_divisor: float = 1.0) -> Images:
    """Return the article's 2,115 images in a random order, float64."""
    streams = streams_of(article.SEED)
    split = Embedded(pixel_divisor=pixel_divisor).split(streams.permutation, np.float64)
    live = live_pixels(split)
    return Images(
        np.concatenate([split.test_images, split.train_images])[:, live],
        np.concatenate([split.test_labels, split.train_labels]),
    )


def network_for(images: Images, *hidden: int) -> Network:
    """Return a network of these hidden layers in float64."""
    return Network((images.pixels.shape[1], *hidden, 1), np.float64)


def signals(network: Network) -> np.ndarray:
    """Return the article's signal of every parameter's layer, shape (n_parameters,)."""
    each = np.empty(network.n_parameters)
    for layer, signal in zip(network.layer_slices(), article.SIGNAL, strict=True):
        each[layer] = signal
    return each


def streams_of(seed: int) -> IndependentStreams:
    """Return the random streams of one seed."""
    return IndependentStreams(seed, seed, seed)


def initial(network: Network, seed: int, scale: float = article.INIT_SCALE) -> np.ndarray:
    """Draw initial parameters, shape (n_parameters,)."""
    return streams_of(seed).initial_parameters(network, scale)


def distribution_of(name: str) -> Distribution:
    """Return one of the article's distributions, with the parameters it used."""
    return Distribution(name, **ARTICLE_DISTRIBUTIONS[name])


def noise_of(
    distribution: str, seed: int, network: Network, how: NoiseTransform = NoiseTransform.none
) -> Noise:
    """Return the noise of one of the article's distributions."""
    return streams_of(seed).noise(distribution_of(distribution), network, how=how)


def article_trial(
    distribution: str,
    seed: int,
    epochs: int,
    *,
    images: int,
    hidden: Sequence[int] = article.HIDDEN,
    optimizer: Vanilla | None = None,
    dtype: DTypeLike = np.float64,
) -> Trial:
    """Return the article's training on the first so many of `zeros_and_ones`.

    The others are for test, so that no pixel is dead and the network is that of all images.
    """
    whole = zeros_and_ones()
    pixels, labels = whole.pixels.astype(dtype, copy=False), whole.labels
    split = Split(
        pixels[:images], labels[:images], pixels[images:], labels[images:],
        np.arange(images, len(labels)), "", "zeros and ones",
    )  # fmt: skip
    return Trial(
        split, distribution_of(distribution), streams_of(seed),
        optimizer=optimizer, hidden=hidden, schedule=Schedule(epochs),
    )  # fmt: skip


def cost_gradient(objective: Objective, parameters: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the cost and its gradient (n_parameters,): of the reported mean, not of the sum E."""
    gradient = np.empty_like(parameters)
    evaluation = objective.gradient(parameters, gradient)
    gradient *= objective.cost.per_loss / objective.batch_size
    return evaluation.cost, gradient


def hessian_along(objective: Objective, parameters: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Return the Hessian of the cost times a vector, by central differences of the gradient."""
    step = 1e-5 / np.max(np.abs(along))
    ahead = cost_gradient(objective, parameters + step * along)[1]
    return (ahead - cost_gradient(objective, parameters - step * along)[1]) / (2 * step)


def hessian_diagonal(objective: Objective, parameters: np.ndarray) -> np.ndarray:
    """Return the diagonal of the cost's Hessian, shape (n_parameters,): two gradients each."""
    unit = np.zeros_like(parameters)
    diagonal = np.empty_like(parameters)
    for j in range(len(parameters)):
        unit[j] = 1
        diagonal[j] = hessian_along(objective, parameters, unit)[j]
        unit[j] = 0
    return diagonal


def read_out(network: Network, parameters: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return what goes into the output unit, shape (images,)."""
    layers = Layers(network, len(pixels), Products())
    with np.errstate(over="ignore", invalid="ignore"):
        layers.forward(network.matrices(parameters), with_ones(pixels.astype(network.dtype)))
    return layers.logits[:, 0].astype(float)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two vectors."""
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
