"""Arrays in NumPy's files, .npy and .npz."""

import contextlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# What NumPy raises for what is damaged, or holds objects.
_DAMAGED = (ValueError, RuntimeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)

Place = tuple[Path, str | None]  # of an array: its file and, in a .npz, its name
# What arrays are called.
_IMAGES = ("images", "image", "x", "data")
_LABELS = ("labels", "label", "y", "target", "targets")
_FORMS = {"train": ("train_{}", "{}_train", "{}"), "test": ("test_{}", "{}_test")}


def read_array(path: Path, name: str | None = None) -> np.ndarray:
    """Return the array in a .npy file, or the one of this name in a .npz file.

    Raises
    ------
    ValueError
        If it is no such file, damaged, or holds objects.
    OSError
        If it cannot be read.
    """
    with _told(path):
        file = np.load(path, allow_pickle=False)
        if name is not None:
            with file:
                return np.asarray(file[name])
        if not isinstance(file, np.ndarray):  # an archive of arrays, under the name of one
            raise TypeError
        return file


def find_pairs(path: Path) -> list[tuple[Place, Place]]:
    """Return where images and labels are for training, and those for test if there are some.

    In a .npz file or a folder of .npy files they go by the names that people use. A .npy file holds
    images for training itself, and the others are in files beside it.

    Raises ValueError and OSError like `read_array`, and ValueError if they are not there.
    """
    single = path.suffix.lower() == ".npy"
    held: dict[str, Place]
    if single or path.is_dir():
        files = files_in(path.parent if single else path)
        held = {_plain(p.stem): (p, None) for p in files if p.suffix.lower() == ".npy"}
    else:
        with _told(path), np.load(path, allow_pickle=False) as file:
            held = {_plain(name): (path, name) for name in file}
    pairs = []
    for part, forms in _FORMS.items():
        given = {_plain(path.stem)} if single and part == "train" else held.keys()
        names = [(f.format(i), f.format(n)) for f in forms for i in _IMAGES for n in _LABELS]
        found = [(i, n) for i, n in names if i in given and n in held]
        if found:
            images, labels = found[0]
            pairs.append((held[images], held[labels]))
        elif part == "train" or any(images in given for images, _ in names):
            prefix = "" if part == "train" else "test_"
            there = ", ".join(name or file.name for file, name in held.values()) or "none"
            raise ValueError(
                f"path: {path} must hold arrays {prefix}images and {prefix}labels; it holds "
                f"{there} (x and y, data and target, x_train and y_train will do too, and files "
                "X.npy and y.npy)"
            )
    return pairs


def files_in(folder: Path) -> list[Path]:
    """Return the files in a folder, but hidden ones, as macOS leaves beside each."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != ".")


def _plain(name: str) -> str:
    """Return an array's name as in the tables above."""
    return re.sub(r"[-. ]", "_", name.lower()).replace("t10k", "test")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED:
        raise ValueError(
            f"{path} is no {path.suffix} file to be read: it is another, damaged, or holds objects"
        ) from None
