"""Images of the user's own, in the formats that people have, and those that are fetched."""

import zipfile
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from noise_exp.training import idx
from noise_exp.training.data import Digits

_NAMES = ("images", "labels", "test_images", "test_labels")
# What NumPy raises for what is not there, no .npz (an .npy's array is no context), or damaged.
_NO_NPZ = (OSError, ValueError, RuntimeError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


class ForTest(Enum):
    """Where the images for test come from."""

    split = "split"
    standard = "standard"


@dataclass
class Idx(Digits):
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

    path: str = ""
    test: ForTest = ForTest.split

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, rows, columns), the labels (n,) and the images' path."""
        path = self._path()
        return *_read(path), str(path)

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels of the test file, for `test=standard`."""
        if self.test is ForTest.split:
            return None
        path = self._path()
        beside = idx.test_images_beside(path)
        if beside is None:
            raise ValueError(
                f"test: {path} has no test file beside it, named alike with t10k or test for "
                "train; use data.test=split"
            )
        return _read(beside)

    def _path(self) -> Path:
        """Return the images file for training."""
        try:
            path = Path(self.path).expanduser()
        except RuntimeError as error:  # ~ of a user without a home
            raise ValueError(f"path: {self.path}: {error}") from None
        if path.is_dir():
            found = idx.images_in(path)
            if self.test is ForTest.standard:
                found = [p for p in found if idx.is_for_training(p)]
            if len(found) != 1:
                names = ", ".join(p.name for p in found) or "none"
                both = len(found) == 2 and idx.test_images_beside(found[1]) == found[0]
                raise ValueError(
                    f"path: {path} must hold one file named like train-images-idx3-ubyte[.gz], "
                    f"found {names}; give the one to use as data.path"
                    + (", or data.test=standard for both" if both else "")
                )
            path = found[0]
        if not path.is_file():
            raise ValueError(f"path: there is no file or folder {path}")
        return path


def _read(images_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read an images file and the labels file beside it."""
    labels_path = idx.labels_beside(images_path)
    if labels_path is None:
        raise ValueError(
            f"path: {images_path} has no labels file beside it, named alike with labels for images"
        )
    images, labels = idx.read_idx(images_path, 3), idx.read_labels(labels_path)
    _require_alike(images, labels, str(images_path), str(labels_path))
    return images, labels.astype(np.int64)


def _require_alike(images: np.ndarray, labels: np.ndarray, of_images: str, of_labels: str) -> None:
    if len(images) != len(labels):
        raise ValueError(
            f"{of_images} holds {len(images)} images but {of_labels} holds {len(labels)} labels; "
            "they must be of the same set"
        )


@dataclass
class Npz(Digits):
    """The user's own images in NumPy's .npz, of any size; several channels become more pixels.

    Attributes
    ----------
    path
        A file with arrays ``images`` (n, ...), of bytes or floats, and ``labels`` (n,), whole
        numbers. If it has ``test_images`` and ``test_labels`` too, these are for test, all of them.
    """

    path: str = ""

    def load(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the images (n, ...), the labels (n,) and the path."""
        return *self._arrays(""), self.path

    def load_test(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the images and labels for test, if the file has its own."""
        return self._arrays("test_") if "test_images" in self._file() else None

    def _file(self) -> dict[str, np.ndarray]:
        """Read those arrays of the file that count."""
        try:
            with np.load(Path(self.path).expanduser(), allow_pickle=False) as file:
                return {name: file[name] for name in file.files if name in _NAMES}
        except _NO_NPZ as error:
            raise ValueError(f"path: {self.path} is no .npz file to be read: {error}") from None

    def _arrays(self, prefix: str) -> tuple[np.ndarray, np.ndarray]:
        names, held = (f"{prefix}images", f"{prefix}labels"), self._file()
        if not set(names) <= set(held):
            raise ValueError(
                f"path: {self.path} must hold arrays {names[0]} and {names[1]}; it holds "
                f"{', '.join(held) or 'neither'}"
            )
        images, labels = (held[name] for name in names)
        for name, array, kinds, what in (
            (names[0], images, "uif", "numbers (n, ...)"),
            (names[1], labels, "ui", "whole numbers (n,)"),
        ):
            dimensions = array.ndim >= 2 if array is images else array.ndim == 1
            if not dimensions or array.dtype.kind not in kinds:
                raise ValueError(
                    f"path: {name} of {self.path} must be {what}, got {array.dtype} of shape "
                    f"{array.shape}"
                )
        if not np.isfinite(images).all():
            raise ValueError(f"path: {names[0]} of {self.path} must be finite; some number is not")
        _require_alike(images, labels, f"{names[0]} of {self.path}", names[1])
        return images, labels.astype(np.int64)


@dataclass
class OpenML(Digits):
    """A set of labelled images from OpenML, fetched by scikit-learn and cached.

    Attributes
    ----------
    name
        As OpenML calls it, version 1: ``"mnist_784"``, ``"Fashion-MNIST"``, ``"Kuzushiji-MNIST"``.
    """

    name: str = "mnist_784"

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
        try:
            classes = np.asarray(labels).astype(np.int64)
        except ValueError:
            raise ValueError(f"name: the labels of {self.name} are no whole numbers") from None
        return pixels.astype(np.uint8), classes, f"OpenML {self.name}, version 1"
