"""Images of the user's own, in the formats that people have, and those that are fetched."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from noise_exp.training.arrays import names_in_zip, read_array, read_zip
from noise_exp.training.data import Digits
from noise_exp.training.idx import read_idx, read_labels
from noise_exp.training.names import IMAGES, TEST, labels_of, named, names_in, words_of
from noise_exp.training.pictures import are_numbers, folders_in, read_pictures
from noise_exp.training.tables import read_table

_PARTS = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip


class ForTest(Enum):
    """Where the images for test come from."""

    split = "split"
    standard = "standard"


@dataclass
class _Files(Digits):
    """What options share whose images are in files."""

    path: str = ""

    def _located(self, option: str) -> Path:
        """Return where the images are; refuse what is not there, or what another option reads."""
        try:
            path = Path(self.path).expanduser()
        except RuntimeError as error:  # ~ of a user without a home
            raise ValueError(f"path: {self.path}: {error}") from None
        if not self.path or not path.exists():
            raise ValueError(f"path: there is no file or folder {self.path}")
        reader = _option_for(path)
        if reader not in ("", option):
            raise ValueError(f"path: data={option} does not read {path}; write data={reader}")
        return path


@dataclass
class Idx(_Files):
    """The user's own files in MNIST's IDX format, gzipped or not: MNIST and the sets of its family.

    Fashion-MNIST, KMNIST, QMNIST and EMNIST are read as they are published, whatever the dots and
    dashes of their files' names.

    Attributes
    ----------
    path
        A folder with one images file, or one for training and one for test; or an images file.
        Its labels file stands beside it, under the same name with labels for images.
    test
        `split`: `test_size` images are split off. `standard`: all of the set's own test file, named
        like the training file with t10k or test for train.
    """

    test: ForTest = ForTest.split

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, rows, columns), the labels (n,) and the images' path."""
        path = self._path()
        return *_read_idx_pair(path), str(path)

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels of the test file, for `test=standard`."""
        return _read_idx_pair(_test_beside(self._path())) if self.test is ForTest.standard else None

    def _path(self) -> Path:
        """Return the images file for training."""
        path = self._located("idx")
        if path.is_file():
            return path
        names = {name for name in names_in(path) if "idx3" in name and "images" in words_of(name)}
        found = sorted(n for n in names if n.removesuffix(".gz") not in names - {n})
        if self.test is ForTest.standard:
            found = [name for name in found if not words_of(name) & TEST]
        if len(found) != 1:
            both = len(found) == 2 and words_of(found[0]) ^ words_of(found[1]) == TEST
            raise ValueError(
                f"path: {path} must hold one file named like train-images-idx3-ubyte[.gz], found "
                f"{', '.join(found) or 'none'}; give the one to use as data.path"
                + (", or data.test=standard for both" if both else "")
            )
        return path / found[0]


@dataclass
class Csv(_Files):
    """The user's own images in a table of text, as Kaggle's train.csv: a label and pixels a row.

    Attributes
    ----------
    path
        The file, gzipped or not; `noise_exp.training.tables` says which columns it may have.
    test
        `split`: `test_size` images are split off. `standard`: all of a file beside it, whose name
        has test for train.
    """

    test: ForTest = ForTest.split

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, pixels), the labels (n,) and the path."""
        path = self._located("csv")
        return *_read_csv(path), str(path)

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels of the test file, for `test=standard`."""
        if self.test is ForTest.split:
            return None
        return _read_csv(_test_beside(self._located("csv")))


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
        images, labels = self._pair(test=False) or []
        return images, labels, self.path

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels for test, if there are any."""
        pair = self._pair(test=True)
        return (pair[0], pair[1]) if pair else None

    def _pair(self, test: bool) -> list[np.ndarray] | None:
        path = self._located("npz")
        single = path.suffix == ".npy"
        if packed := not (single or path.is_dir()):
            names, words = names_in_zip(path), IMAGES
        else:
            folder = path.parent if single else path
            names = [name for name in names_in(folder) if name.endswith(".npy")]
            words = words_of(path.name if single else "images.npy")
        if test and words & TEST:
            return None
        words |= TEST if test else frozenset()
        images, labels = (named(some, names) for some in (words, labels_of(words)))
        if test and images is None:
            return None
        if images is None or labels is None:
            part, held = "test_" if test else "", ", ".join(names) or "none"
            raise ValueError(
                f"path: {path} must hold arrays {part}images and {part}labels; it holds {held} (x "
                "and y, data and target, x_train and y_train will do too)"
                if packed
                else f"path: {path} needs {part}labels beside it, as y.npy beside X.npy or "
                f"train_labels.npy beside train_images.npy; there are {held}"
            )
        if packed:
            return read_zip(path, images, labels)
        return [read_array(folder / name) for name in (images, labels)]


@dataclass
class Folder(_Files):
    """Pictures in a folder for each class, as torchvision's ImageFolder reads them.

    Folders named by whole numbers are labels; others are numbered from 0 in their names' order.

    Attributes
    ----------
    path
        The folder of these folders. If it holds train and test instead, each with such folders,
        all pictures in test are for test.
    """

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, rows, columns), the labels (n,) and the path."""
        return *read_pictures(self._parts()[0], self._labels()), self.path

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the pictures for test and their labels, if they have a folder of their own."""
        root, labels = self._parts()[1], self._labels()
        if root is None:
            return None
        others = [name for name in folders_in(root) if name not in labels]
        new = range(max(labels.values()) + 1, max(labels.values()) + 1 + len(others))
        return read_pictures(root, labels | dict(zip(others, new, strict=True)))

    def class_names(self) -> Sequence[str]:
        """Return the classes' names, if they are words."""
        names = list(self._labels())
        return () if are_numbers(names) else names

    def _labels(self) -> dict[str, int]:
        """Return the label of each class, by the name of its folder."""
        names = folders_in(self._parts()[0])
        return {name: int(name) if are_numbers(names) else i for i, name in enumerate(names)}

    def _parts(self) -> tuple[Path, Path | None]:
        """Return the folders of the classes' folders, for training and for test if it has one."""
        root = self._located("folder")
        if not root.is_dir():
            raise ValueError(f"path: {root} is no folder; give that of the classes' folders")
        parts = {_PARTS.get(name.lower()): name for name in folders_in(root)}
        if None in parts or "train" not in parts:  # these are classes
            return root, None
        return root / parts["train"], root / parts["test"] if "test" in parts else None


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
        try:
            from sklearn.datasets import fetch_openml
        except ModuleNotFoundError:
            raise ValueError("openml needs scikit-learn: pip install 'noise-exp[openml]'") from None
        try:
            pixels, labels = fetch_openml(
                self.name, version=1, as_frame=False, return_X_y=True, n_retries=1
            )
        except OSError as error:  # URLError is one
            raise OSError(
                f"{self.name} could not be fetched from OpenML ({error}); "
                "connect to the network once, or use data=mnist01"
            ) from None
        except ValueError as error:
            raise ValueError(f"name: OpenML has no {self.name}, version 1: {error}") from None
        return pixels, labels, f"OpenML {self.name}, version 1"


def _option_for(path: Path) -> str:
    """Return the option of data that reads what a path looks like; empty where it may be any."""
    if not path.is_dir():
        suffix = Path(path.name.lower().removesuffix(".gz")).suffix
        named_idx = "idx" if re.search(r"idx[123]", path.name) else ""
        return {".csv": "csv", ".npz": "npz", ".npy": "npz"}.get(suffix, named_idx)
    names = names_in(path)
    if any("idx3" in name for name in names):
        return "idx"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    return "folder" if folders_in(path) else ""


def _beside(path: Path, words: frozenset[str]) -> Path | None:
    """Return the file beside another whose name is made of these words."""
    name = named(words, [name for name in names_in(path.parent) if name != path.name])
    return path.with_name(name) if name else None


def _read_idx_pair(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read an IDX file of images and the labels file beside it."""
    labels = _beside(path, labels_of(words_of(path.name)))
    if labels is None:
        expected = path.name.replace("images", "labels").replace("idx3", "idx1")
        raise ValueError(f"path: {path} needs its labels beside it, in a file {expected}")
    return read_idx(path, 3), read_labels(labels)


def _read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if path.is_dir():
        raise ValueError(f"path: {path} is a folder; give the CSV file as data.path")
    return read_table(path)


def _test_beside(path: Path) -> Path:
    """Return the file for test that belongs to a file for training."""
    beside = _beside(path, words_of(path.name) | TEST)
    if beside is None:
        raise ValueError(
            f"test: {path} has no test file beside it, named alike with t10k or test for "
            "train; use data.test=split"
        )
    return beside
