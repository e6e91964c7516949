"""Images: load, check, split."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from noise_exp.training import article
from noise_exp.training.pixels import as_labels, as_pixels

_PIECE = 2**14  # images at a time
EMBEDDED = Path(__file__).parent / "assets" / "mnist_t10k.npz"


@dataclass(frozen=True)
class Split:
    """Training and test images with their labels, the classes' numbers from 0 on.

    Attributes
    ----------
    train_images, test_images
        Shape (images, pixels).
    train_labels, test_labels
        Shape (images,), int64; for test `classes` where training lacks an image's label.
    test_indices
        Where each test image stands in the unshuffled set, shape (test images,).
    digest
        Of all images and labels as they were given, whatever their order and scale here.
    source
        Where the images come from, in words or as a path.
    classes
        How many there are.
    validation
        Whether the images for test are a part of those for training, and the real ones left out.
    digits
        What each class stands for; empty where it is the class's own number.
    pixel_divisor
        What the images were divided by.
    names
        What the classes are called; empty where that is their numbers.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    test_indices: np.ndarray
    digest: str
    source: str
    classes: int = 2
    validation: bool = False
    digits: tuple[int, ...] = ()
    pixel_divisor: float = 1.0
    names: tuple[str, ...] = ()

    @property
    def pixel_range(self) -> tuple[float, float]:
        """The least and the largest pixel of the images for training, as they were given."""
        scale = float(self.pixel_divisor)
        return float(self.train_images.min()) * scale, float(self.train_images.max()) * scale


class Data(Protocol):
    """What a run asks of every data option."""

    def split(
        self, permutation: Callable[[int], np.ndarray], dtype: DTypeLike = np.float32
    ) -> Split:
        """Load the images, put them in the order that `permutation` gives, and split them."""


@dataclass
class Digits:
    """Classes of images: the base of the options below.

    Attributes
    ----------
    digits
        Two or more labels; the first is class 0, the second class 1, and so on. Or ``"all"``: every
        label of the images for training, in order.
    test_size
        Images for test, the first after the shuffle; the others are for training. None: a fifth,
        at most 500 (of OpenML's sets 2,000).
    pixel_divisor
        Pixels are divided by it: 1 leaves them raw (0..255), 255 maps them to 0..1.
    validation_size
        For choosing settings: so many of the images for training, the last ones, take the place
        of those for test, which are left out. 0 for the real test.
    """

    digits: Any = field(default_factory=lambda: list(article.DIGITS))
    test_size: int | None = article.TEST_SIZE
    pixel_divisor: float = 1.0
    validation_size: int = 0
    _MOST_FOR_TEST = 500

    def __post_init__(self) -> None:
        if self.digits != "all":
            given = self.digits if isinstance(self.digits, list | tuple) else []
            whole = all(isinstance(d, int) and not isinstance(d, bool) for d in given)
            if not whole or len(given) < 2 or len(set(given)) < len(given):
                raise ValueError(
                    f"digits must be all, or two or more different digits, got {self.digits}"
                )
        if self.test_size is not None and self.test_size < 1:
            raise ValueError(f"test_size must be at least 1, got {self.test_size}")
        if self.validation_size < 0:
            raise ValueError(f"validation_size must be at least 0, got {self.validation_size}")
        if not (math.isfinite(self.pixel_divisor) and self.pixel_divisor > 0):
            raise ValueError(f"pixel_divisor must be a number above 0, got {self.pixel_divisor}")

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return images (n, ...) and labels (n,) of all classes in file order, and their source."""
        raise TypeError(f"{type(self).__name__} must say how its images are loaded")

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return images and labels for test that are a set of their own; None to split them off."""
        return None

    def class_names(self) -> Sequence[str]:
        """Return what the labels 0, 1, ... are called, if they have names."""
        return ()

    def split(
        self, permutation: Callable[[int], np.ndarray], dtype: DTypeLike = np.float32
    ) -> Split:
        """Load the classes, the first's images before the second's and so on, shuffle and split.

        Raises
        ------
        ValueError, OSError
            If a digit or the training has no image, or the images cannot be read or kept.
        """
        images, classes, source = _kept(*self.load())
        digits, names = self._digits(classes, source), self.class_names()
        places, labels = _chosen(classes, digits, source)
        digest = _digest(images, classes, places, names)
        own = self.load_test()
        test_size = 0 if own else self.test_size
        if test_size is None:
            test_size = max(1, min(len(labels) // 5, self._MOST_FOR_TEST))
        end = len(labels) - self.validation_size
        if end <= test_size:
            sizes = {"test_size": test_size, "validation_size": self.validation_size}
            held_back = " with ".join(f"{name}={size}" for name, size in sizes.items() if size)
            raise ValueError(
                f"{held_back} leaves no training image: {source} holds {len(labels)} images of "
                f"{', '.join(str(names[d] if names else d) for d in digits)}"
            )
        order = permutation(len(labels))
        scaled, shuffled = self._scaled(images, places[order], dtype), labels[order]
        test = slice(end, None) if self.validation_size else slice(test_size)
        tested = scaled[test], shuffled[test], order[test]
        if own:
            theirs, classes, where = _kept(*own, f"the test set of {source}")
            _check_alike(images, theirs, where)
            places, known = _chosen(classes, digits, where)
            if self.digits == "all":  # other classes are there to be missed
                places = np.concatenate([places, np.flatnonzero(~np.isin(classes, digits))])
            test_labels = np.full(len(places), len(digits))
            test_labels[: len(known)] = known
            theirs_too = digest + _digest(theirs, classes, places, names)
            digest = hashlib.sha256(theirs_too.encode()).hexdigest()[:16]
            if not self.validation_size:
                tested = self._scaled(theirs, places, dtype), test_labels, places
        return Split(
            scaled[test_size:end],
            shuffled[test_size:end],
            *tested,
            digest,
            source,
            len(digits),
            bool(self.validation_size),
            tuple(digits),
            self.pixel_divisor,
            tuple(names[digit] for digit in digits) if names else (),
        )

    def _digits(self, classes: np.ndarray, source: str) -> list[int]:
        if self.digits != "all":
            return list(self.digits)
        found = [int(label) for label in np.unique(classes)]
        if len(found) < 2:
            raise ValueError(f"digits: {source} holds {found} alone; training needs two labels")
        return found

    def _scaled(self, images: np.ndarray, places: np.ndarray, dtype: DTypeLike) -> np.ndarray:
        """Return the images at these places, (n, pixels), in their scale."""
        scaled = np.empty((len(places), math.prod(images.shape[1:])), dtype)
        for some in _pieces(len(places)):  # so that there is no second copy of a large set
            scaled[some] = images[places[some]].reshape(-1, scaled.shape[1])
        if self.pixel_divisor != 1:
            scaled /= self.pixel_divisor
        return scaled


def _pieces(n: int) -> Iterator[slice]:
    return (slice(start, start + _PIECE) for start in range(0, n, _PIECE))


def _kept(images: Any, labels: Any, source: str) -> tuple[np.ndarray, np.ndarray, str]:
    """Return the images (n, ...) and their labels (n,) as they were given, or refuse them."""
    images = as_pixels(images, f"the images of {source}")
    labels = as_labels(labels, f"the labels of {source}")
    if images.ndim < 2:
        raise ValueError(
            f"the images of {source} must be numbers (n, ...), got them of shape {images.shape}"
        )
    if len(images) != len(labels):
        raise ValueError(
            f"{source} holds {len(images)} images but there are {len(labels)} labels; they "
            "must be of the same set"
        )
    return images, labels, source


def _check_alike(images: np.ndarray, theirs: np.ndarray, where: str) -> None:
    """See that the images for test are of the size and scale of those for training."""
    sizes = math.prod(images.shape[1:]), math.prod(theirs.shape[1:])
    if len(set(sizes)) > 1:
        raise ValueError(f"{where} has images of {sizes[1]} pixels, that for training {sizes[0]}")
    scales = [float(some[:1024].std(dtype=float)) for some in (images, theirs)]
    if max(scales) > 50 * min(scales) > 0:
        ranges = [f"{some.min():g} to {some.max():g}" for some in (theirs, images)]
        raise ValueError(f"{where} has pixels of {ranges[0]}, that for training of {ranges[1]}")


def _chosen(classes: np.ndarray, digits: list[int], source: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where the digits' images stand in the file, one digit after the other, and labels."""
    places = [np.flatnonzero(classes == digit) for digit in digits]
    for digit, place in zip(digits, places, strict=True):
        if not len(place):
            held = ", ".join(str(c) for c in np.unique(classes))
            raise ValueError(f"digits: {source} holds no {digit}; it holds {held}")
    labels = np.repeat(np.arange(len(places)), [len(place) for place in places])
    return np.concatenate(places), labels


@dataclass
class Embedded(Digits):
    """Digits of the 10,000 MNIST images that come with the package."""

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (10000, 28, 28), the labels (10000,) and their source."""
        return *_embedded(), "MNIST t10k (embedded)"


@cache  # the jobs of a sweep that share a process unpack the file once
def _embedded() -> tuple[np.ndarray, np.ndarray]:
    with np.load(EMBEDDED) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


@dataclass
class Xor:
    """The four points of exclusive or: all of them for training, and all for test."""

    def split(
        self, permutation: Callable[[int], np.ndarray], dtype: DTypeLike = np.float32
    ) -> Split:
        """Return the four points in shuffled order, twice."""
        points = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.uint8)
        labels = points[:, 0] ^ points[:, 1]
        order = permutation(4)
        x, y = points[order].astype(dtype), labels[order].astype(np.int64)
        digest = _digest(points, labels, np.arange(4))
        return Split(x, y, x, y, order, digest, "exclusive or")


def live_pixels(split: Split) -> np.ndarray:
    """Which pixels are not 0 in every training and test image, bool (pixels,)."""
    return np.logical_or(split.train_images.any(axis=0), split.test_images.any(axis=0))


def _digest(
    images: np.ndarray, labels: np.ndarray, places: np.ndarray, names: Sequence[str] = ()
) -> str:
    """Digest the images at these places with their labels and what these are called.

    Their values and shape count, and not the type that they are kept in.
    """
    content = hashlib.sha256(repr((len(places), images.shape[1:], list(names))).encode())
    kind = np.dtype(np.uint8 if images.dtype == np.uint8 else "<f8")
    for some in _pieces(len(places)):
        content.update(images[places[some]].astype(kind, copy=False).tobytes())
    content.update(labels[places].astype("<i8").tobytes())
    return content.hexdigest()[:16]
