"""Arrays in NumPy's files, .npy and .npz."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# What NumPy raises for what is damaged, or holds objects.
_DAMAGED = (ValueError, RuntimeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


def read_array(path: Path) -> np.ndarray:
    """Return the array in a .npy file.

    Raises
    ------
    ValueError
        If it is no such file, damaged, or holds objects.
    OSError
        If it cannot be read.
    """
    with _told(path, ".npy"):
        array = np.load(path, allow_pickle=False)
        if not isinstance(array, np.ndarray):  # an archive of arrays, under this name
            raise TypeError
        return array


def read_zip(path: Path, *names: str) -> list[np.ndarray]:
    """Return the arrays of these names in a .npz file.

    Raises ValueError and OSError like `read_array`.
    """
    with _told(path, ".npz"), np.load(path, allow_pickle=False) as file:
        return [file[name] for name in names]


def names_in_zip(path: Path) -> list[str]:
    """Return the names of the arrays in a .npz file.

    Raises ValueError and OSError like `read_array`.
    """
    with _told(path, ".npz"), np.load(path, allow_pickle=False) as file:
        return list(file)


@contextlib.contextmanager
def _told(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGED:
        raise ValueError(
            f"{path} is no {kind} file to be read: it is another, damaged, or holds objects"
        ) from None
