"""Images: load, check, split."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from noise_exp.training import article
from noise_exp.training.idx import read_idx

EMBEDDED = Path(__file__).parent / "assets" / "mnist_t10k.npz"


@dataclass(frozen=True)
class Split:
    """Training and test images with their labels, the classes' numbers from 0 on.

    Attributes
    ----------
    train_images, test_images
        Shape (images, pixels).
    train_labels, test_labels
        Shape (images,), int64.
    test_indices
        Where each test image stands in the unshuffled set, shape (test images,).
    digest
        Of all images and labels before the shuffle, with the pixels' scale.
    source
        Where the images come from, in words or as a path.
    classes
        How many there are.
    validation
        Whether the images for test are a part of those for training, and the real ones left out.
    digits
        What each class stands for; empty where it is the class's own number.
    pixel_dtype, pixel_divisor
        Of the images before they were scaled, and what they were divided by.
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
    pixel_dtype: str = "float32"
    pixel_divisor: float = 1.0


class Data(Protocol):
    """What a run asks of every data option."""

    def split(
        self, permutation: Callable[[int], np.ndarray], dtype: DTypeLike = np.float32
    ) -> Split:
        """Load the images, put them in the order that `permutation` gives, and split them."""


@dataclass
class Digits:
    """Classes of digit images: the base of the options below.

    Attributes
    ----------
    digits
        Two or more digits; the first is label 0, the second label 1, and so on.
    test_size
        Images for test, the first after the shuffle; the others are for training.
    pixel_divisor
        Pixels are divided by it: 1 leaves them raw (0..255), 255 maps them to 0..1.
    validation_size
        For choosing settings: so many of the images for training, the last ones, take the place
        of those for test, which are left out. 0 for the real test.
    """

    digits: list[int] = field(default_factory=lambda: list(article.DIGITS))
    test_size: int = article.TEST_SIZE
    pixel_divisor: float = 1.0
    validation_size: int = 0

    def __post_init__(self) -> None:
        if len(self.digits) < 2 or len(set(self.digits)) < len(self.digits):
            raise ValueError(
                f"digits must be two or more different digits, got {list(self.digits)}"
            )
        if self.test_size < 1:
            raise ValueError(f"test_size must be at least 1, got {self.test_size}")
        if self.validation_size < 0:
            raise ValueError(f"validation_size must be at least 0, got {self.validation_size}")
        if not (math.isfinite(self.pixel_divisor) and self.pixel_divisor > 0):
            raise ValueError(f"pixel_divisor must be a number above 0, got {self.pixel_divisor}")

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return images (n, ...) and labels (n,) of all classes in file order, and their source."""
        raise TypeError(f"{type(self).__name__} must say how its images are loaded")

    def split(
        self, permutation: Callable[[int], np.ndarray], dtype: DTypeLike = np.float32
    ) -> Split:
        """Load the classes, the first's images before the second's and so on, shuffle and split.

        Raises
        ------
        ValueError, OSError
            If a digit or the training has no image, or the images cannot be read.
        """
        images, labels, source = self._chosen()
        left = len(labels) - self.test_size - self.validation_size
        if left < 1:
            digits = ", ".join(map(str, self.digits))
            sizes = f"test_size={self.test_size}"
            if self.validation_size:
                sizes += f" with validation_size={self.validation_size}"
            raise ValueError(
                f"{sizes} leaves no training image: {source} holds {len(labels)} images of {digits}"
            )
        order = permutation(len(labels))
        scaled = images[order].astype(dtype)
        if self.pixel_divisor != 1:
            scaled /= self.pixel_divisor
        end = self.test_size + left
        train = slice(self.test_size, end)
        test = slice(end, None) if self.validation_size else slice(self.test_size)
        shuffled = labels[order]
        return Split(
            scaled[train],
            shuffled[train],
            scaled[test],
            shuffled[test],
            order[test],
            _digest(images, labels.astype(np.uint8), self.pixel_divisor),
            source,
            len(self.digits),
            bool(self.validation_size),
            tuple(self.digits),
            images.dtype.name,
            self.pixel_divisor,
        )

    def _chosen(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the classes' images (n, pixels) one after the other, labels and source."""
        images, classes, source = self.load()
        places = [np.flatnonzero(classes == digit) for digit in self.digits]
        for digit, place in zip(self.digits, places, strict=True):
            if not len(place):
                held = ", ".join(str(c) for c in np.unique(classes))
                raise ValueError(f"digits: {source} holds no {digit}; it holds {held}")
        labels = np.repeat(np.arange(len(places)), [len(place) for place in places])
        return images.reshape(len(images), -1)[np.concatenate(places)], labels, source


@dataclass
class Embedded(Digits):
    """Digits of the 10,000 MNIST images that come with the package."""

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (10000, 28, 28), the labels (10000,) and their source."""
        return *_embedded(), "MNIST t10k (embedded)"


@cache  # the jobs of a sweep that share a process unpack the file once
def _embedded() -> tuple[np.ndarray, np.ndarray]:
    with np.load(EMBEDDED, allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


@dataclass
class Idx(Digits):
    """Digits of the user's own files in MNIST's IDX format, gzipped or not.

    Attributes
    ----------
    path
        A folder that holds one images and one labels file, or the images file, whose labels
        file stands beside it under the same name with labels for images and idx1 for idx3.
    """

    path: str = ""

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, rows, columns), the labels (n,) and the images' path."""
        images_path, labels_path = self._paths()
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        if len(images) != len(labels):
            raise ValueError(
                f"{images_path} holds {len(images)} images but {labels_path} holds "
                f"{len(labels)} labels; they must be of the same set"
            )
        return images, labels, str(images_path)

    def _paths(self) -> tuple[Path, Path]:
        try:
            path = Path(self.path).expanduser()
        except RuntimeError as error:  # ~ of a user without a home
            raise ValueError(f"path: {self.path}: {error}") from None
        if path.is_dir():
            found = _images_in(path)
            if len(found) != 1:
                names = ", ".join(p.name for p in found) or "none"
                raise ValueError(
                    f"path: {path} must hold one file named like train-images-idx3-ubyte[.gz], "
                    f"found {names}; give the one to use as data.path"
                )
            path = found[0]
        if not path.is_file():
            raise ValueError(f"path: there is no file or folder {path}")
        stem = path.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
        candidates = [path.with_name(stem), path.with_name(stem + ".gz")]
        labels = next((p for p in candidates if p.is_file() and p != path), None)
        if labels is None:
            raise ValueError(f"path: {path} has no labels file {stem}[.gz] beside it")
        return path, labels


def _images_in(folder: Path) -> list[Path]:
    """Return the images files in a folder; of a file and its gzip the file alone."""
    found = {
        path.name: path
        for path in sorted(folder.iterdir())
        if "images" in path.name and "idx3" in path.name
        and not path.name.startswith(".")  # macOS leaves a ._name beside a name
        and path.is_file()
    }  # fmt: skip
    return [p for name, p in found.items() if name not in {f"{other}.gz" for other in found}]


@dataclass
class OpenML(Digits):
    """Digits of all 70,000 MNIST images, fetched from OpenML by scikit-learn and cached."""

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (70000, 784), the labels (70000,) and their source."""
        try:
            from sklearn.datasets import fetch_openml
        except ModuleNotFoundError:
            raise ValueError("openml needs scikit-learn: pip install 'noise-exp[openml]'") from None
        try:
            pixels, labels = fetch_openml(
                "mnist_784", version=1, as_frame=False, return_X_y=True, n_retries=1
            )
        except OSError as error:  # URLError is one
            raise OSError(
                f"MNIST could not be fetched from OpenML ({error}); "
                "connect to the network once, or use data=mnist01"
            ) from None
        return pixels.astype(np.uint8), labels.astype(np.uint8), "OpenML mnist_784, version 1"


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
        digest = _digest(points, labels, 1.0)
        return Split(x, y, x, y, order, digest, "exclusive or", pixel_dtype=points.dtype.name)


def live_pixels(split: Split) -> np.ndarray:
    """Which pixels are not 0 in every training and test image, bool (pixels,)."""
    return np.logical_or(split.train_images.any(axis=0), split.test_images.any(axis=0))


def _digest(images: np.ndarray, labels: np.ndarray, pixel_divisor: float) -> str:
    content = hashlib.sha256(repr((images.shape, pixel_divisor)).encode())
    content.update(np.ascontiguousarray(images).tobytes())
    content.update(labels.tobytes())
    return content.hexdigest()[:16]
