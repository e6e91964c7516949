"""Images of the user's own, in the formats that people have, and those that are fetched."""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

import numpy as np

from noise_exp.training.data import Digits
from noise_exp.training.files import files_in, read_idx, read_pair, read_table
from noise_exp.training.pictures import are_numbers, folders_in, read_pictures


class ForTest(Enum):
    """Where the images for test come from."""

    split = "split"
    standard = "standard"


@dataclass
class _Files(Digits):
    """What options share whose images are in files."""

    path: str = ""

    def _located(self) -> Path:
        """Return where the images are."""
        path = Path(os.path.expanduser(self.path))  # which fails for no user
        if not self.path or not path.exists():
            raise ValueError(f"path: there is no file or folder {self.path}")
        return path


@dataclass
class _InTwoFiles(_Files, ABC):
    """What options share whose images for test may be in a file of their own."""

    test: ForTest = ForTest.split

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, ...), the labels (n,) and the images' path."""
        path = self._path()
        return *self._read(path), str(path)

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels of the file for test, for `test=standard`."""
        if self.test is ForTest.split:
            return None
        path = self._path()
        names = [path.name.replace("train", word) for word in ("t10k", "test")]
        beside = _beside(path, *(name for name in names if name != path.name))
        if beside is None:
            raise ValueError(
                f"test: {path} has no test file beside it, named alike with t10k or test for "
                "train; use data.test=split"
            )
        return self._read(beside)

    @abstractmethod
    def _path(self) -> Path:
        """Return the file of images for training."""

    @abstractmethod
    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the images (n, ...) and labels (n,) of a file."""


@dataclass
class Idx(_InTwoFiles):
    """The user's own files in MNIST's IDX format, gzipped or not: MNIST and the sets of its family.

    Fashion-MNIST, KMNIST, QMNIST and EMNIST are read as they are published.

    Attributes
    ----------
    path
        A folder with one images file, or one for training and one for test; or an images file.
        Its labels file stands beside it, under the same name with labels for images.
    test
        `split`: `test_size` images are split off. `standard`: all of the set's own test file, named
        like the training file with t10k or test for train.
    """

    def _path(self) -> Path:
        path = self._located()
        if path.is_file():
            return path
        names = {p.name for p in files_in(path) if re.search("images.idx3", p.name)}
        found = sorted(n for n in names if n.removesuffix(".gz") not in names - {n})
        training = [name for name in found if "train" in name]
        if len(found) != 1 and (self.test is ForTest.split or len(training) != 1):
            raise ValueError(
                f"path: {path} must hold one file named like train-images-idx3-ubyte[.gz], found "
                f"{', '.join(found) or 'none'}; give the one to use as data.path, or "
                "data.test=standard for one of training and one of test"
            )
        return path / (training or found)[0]

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        name = path.name.replace("images", "labels")
        expected, qmnist = name.replace("idx3", "idx1"), name.replace("idx3-ubyte", "idx2-int")
        labels = _beside(path, expected, qmnist)
        if labels is None or labels == path:
            raise ValueError(
                f"path: {path} must be a file of images, as train-images-idx3-ubyte, and needs its "
                f"labels beside it, in a file {expected}"
            )
        found = read_idx(labels, 1, 2)  # QMNIST's have several columns, of which the first tells
        return read_idx(path, 3), found.reshape(len(found), -1)[:, 0]


@dataclass
class Csv(_InTwoFiles):
    """The user's own images in a table of text, as Kaggle's train.csv: a label and pixels a row.

    Attributes
    ----------
    path
        The file, gzipped or not; `noise_exp.training.files` says which columns it may have.
    test
        `split`: `test_size` images are split off. `standard`: all of a file beside it, whose name
        has test for train.
    """

    def _path(self) -> Path:
        path = self._located()
        if path.is_dir():
            raise ValueError(f"path: {path} is a folder; give the CSV file as data.path")
        return path

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray]:
        return _table(path, path.stat().st_mtime_ns)


@lru_cache(2)  # jobs of a sweep that share a process read a file once
def _table(path: Path, changed: int) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    return read_table(path)


@dataclass
class Npz(_Files):
    """The user's own images in NumPy's .npz or .npy, of any size; channels become more pixels.

    Attributes
    ----------
    path
        A .npz file with images (n, ...) and labels (n,), which may be called images and labels,
        x_train and y_train, X and y, or data and target. Those for test, if they are there, are
        called alike with test: all of them are for test. Or a .npy file of images, with the others
        in files beside it; or the folder of these.
    """

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, ...), the labels (n,) and the path."""
        pair = read_pair(self._located(), "train")
        assert pair  # else it raises
        return *pair, self.path

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels for test, if there are any."""
        return read_pair(self._located(), "test")


@dataclass
class Folder(_Files):
    """Pictures in a folder for each class, as torchvision's ImageFolder reads them.

    Folders named by whole numbers are labels; others are numbered from 0 in their names' order.

    Attributes
    ----------
    path
        The folder of these folders. If it holds train and test instead, each with such folders,
        all pictures in test are for test; in val, if there is no test.
    """

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, rows, columns), the labels (n,) and the path."""
        return *self._read(self._parts()[0]), self.path

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the pictures for test and their labels, if they have a folder of their own."""
        root = self._parts()[1]
        return self._read(root) if root else None

    def class_names(self) -> Sequence[str]:
        """Return the classes' names, if they are words."""
        names = folders_in(self._parts()[0])
        return () if are_numbers(names) else names

    def _read(self, root: Path) -> tuple[np.ndarray, np.ndarray]:
        """Return the pictures and their labels; -1 for a class that training lacks."""
        images, of = read_pictures(root)
        names = folders_in(self._parts()[0])
        numbers = are_numbers(names)
        labels = {name: int(name) if numbers else i for i, name in enumerate(names)}
        return images, np.array([labels.get(name, -1) for name in of])

    def _parts(self) -> tuple[Path, Path | None]:
        """Return the folders of the classes' folders, for training and for test if it has one."""
        root = self._located()
        if not root.is_dir():
            raise ValueError(f"path: {root} is no folder; give that of the classes' folders")

        def part(word: str) -> Path | None:
            names = [name for name in folders_in(root) if word in name.lower()]
            return next((root / name for name in names if folders_in(root / name)), None)

        train = part("train")
        return (train, part("test") or part("val")) if train else (root, None)


@dataclass
class OpenML(Digits):
    """A set of labelled images from OpenML, fetched by scikit-learn and cached.

    Attributes
    ----------
    name
        As OpenML calls it, version 1: ``"mnist_784"``, ``"Fashion-MNIST"``, ``"Kuzushiji-MNIST"``.
    """

    name: str = "mnist_784"
    _MOST_FOR_TEST = 2000

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, pixels), the labels (n,) and their source."""
        from sklearn.datasets import fetch_openml  # a second

        try:
            pixels, labels = fetch_openml(
                self.name, version=1, as_frame=False, return_X_y=True, n_retries=1
            )
        except OSError as error:  # URLError is one
            raise OSError(
                f"{self.name} could not be fetched from OpenML ({error}); "
                "connect to the network once, or use data=mnist01"
            ) from None
        return pixels, labels, f"OpenML {self.name}, version 1"


def _beside(path: Path, *names: str) -> Path | None:
    """Return the first of these files in the folder of another, gzipped or not."""
    plain = [path.with_name(name.removesuffix(".gz")) for name in names]
    both = (file for one in plain for file in (one, one.with_name(f"{one.name}.gz")))
    return next((file for file in both if file.is_file()), None)
