"""Files of images and labels: MNIST's IDX, NumPy's .npy and .npz, tables of text."""

import contextlib
import csv
import gzip
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from noise_exp.training.pixels import as_pixels

_INTEGERS = {
    b"\0\0\x08": ">u1", b"\0\0\x09": ">i1", b"\0\0\x0b": ">i2", b"\0\0\x0c": ">i4"
}  # fmt: skip
# What NumPy raises for what is damaged, or holds objects.
_DAMAGED = (ValueError, RuntimeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)

# What arrays are called.
_IMAGES = ("images", "image", "x", "data")
_LABELS = ("labels", "label", "y", "target", "targets")
_FORMS = {"train": ("train_{}", "{}_train", "{}"), "test": ("test_{}", "{}_test")}
_COLUMNS = {"label", "labels", "class", "target", "y", "digit"}
_MANY = 64  # columns: no row of so many pixels counts up from 0 or 1


def read_idx(path: Path, *dimensions: int) -> np.ndarray:
    """Read a file of integers in IDX format, gzipped or not, in one of these numbers of dimensions.

    Raises
    ------
    ValueError
        If the file is not such a file, or its size is not what its header says.
    """
    content = unpacked(path)
    kind, n = _INTEGERS.get(content[:3]), int.from_bytes(content[3:4], "big")
    if kind is None or n not in dimensions:
        raise ValueError(
            f"{path} is not an IDX file of integers in {' or '.join(map(str, dimensions))} "
            f"dimensions: it starts with the bytes {content[:4].hex(' ')}"
        )
    header = 4 + 4 * n
    shape = tuple(int(m) for m in np.frombuffer(content[4:header].ljust(4 * n), ">u4"))
    announced = math.prod(shape) * np.dtype(kind).itemsize
    if len(content) != header + announced:
        raise ValueError(
            f"{path} is truncated or damaged: its header announces {announced} bytes, "
            f"{max(len(content) - header, 0)} follow"
        )
    return np.frombuffer(content, kind, offset=header).reshape(shape)


def unpacked(path: Path) -> bytes:
    """Return what a file holds, gzipped or not.

    Raises
    ------
    ValueError
        If it is a damaged gzip.
    OSError
        If it cannot be read.
    """
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        raise ValueError(f"{path} is a damaged gzip file") from None


def read_array(path: Path, name: str | None = None) -> np.ndarray:
    """Return the array in a .npy file, or the one of this name in a .npz file.

    Raises
    ------
    ValueError
        If it is no such file, damaged, or holds objects.
    OSError
        If it cannot be read.
    """
    with _explained(path):
        file = np.load(path)
        return file if name is None else file[name]


def read_pair(path: Path, part: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the images and labels for a part, train or test; None if there are none for test.

    In a .npz file or a folder of .npy files they go by the names that people use. A .npy file holds
    images for training itself, and the others are in files beside it.

    Raises ValueError and OSError like `read_array`, and ValueError if they are not there.
    """
    single = path.suffix.lower() == ".npy"
    held: dict[str, tuple[Path, str | None]]
    if single or path.is_dir():
        files = files_in(path.parent if single else path)
        held = {_plain(p.stem): (p, None) for p in files if p.suffix.lower() == ".npy"}
    else:
        with _explained(path), np.load(path) as file:
            held = {_plain(name): (path, name) for name in file}
    given = {_plain(path.stem)} if single and part == "train" else held.keys()
    names = [(f.format(i), f.format(n)) for f in _FORMS[part] for i in _IMAGES for n in _LABELS]
    for images, labels in names:
        if images in given and labels in held:
            return read_array(*held[images]), read_array(*held[labels])
    if part == "test" and not any(images in given for images, _ in names):
        return None
    prefix = "" if part == "train" else "test_"
    there = ", ".join(name or file.name for file, name in held.values()) or "none"
    raise ValueError(
        f"path: {path} must hold arrays {prefix}images and {prefix}labels; it holds "
        f"{there} (x and y, data and target, x_train and y_train will do too, and files "
        "X.npy and y.npy)"
    )


def files_in(folder: Path) -> list[Path]:
    """Return the files in a folder, but hidden ones, as macOS leaves beside each."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != ".")


def _plain(name: str) -> str:
    """Return an array's name as in the tables above."""
    return re.sub(r"[-. ]", "_", name.lower()).replace("t10k", "test")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED:
        raise ValueError(
            f"{path} is no {path.suffix} file to be read: it is another, damaged, or holds objects"
        ) from None


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels (n, pixels) and the labels (n,) of a CSV file, gzipped or not.

    Cells are parted by semicolons or tabs if the first line has one, else by commas. A first line
    that is no row of numbers names the columns, and one is named label, class, target, y or digit;
    without names labels come first.

    Raises
    ------
    ValueError
        If a cell is no number, rows have different lengths, or no column is that of labels.
    OSError
        If the file cannot be read.
    """
    content = unpacked(path)
    try:
        lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
        first = lines[0] if lines else ""
        delimiter = next((d for d in ";\t" if d in first), ",")
        cells = next(csv.reader([first], delimiter=delimiter), [])
        place = _place_of_labels(cells)
        if not (body := lines[place is not None :]):
            raise ValueError("there is no row of numbers")
        numbers = np.loadtxt(body, delimiter=delimiter, quotechar='"', comments=None, ndmin=2)
        if numbers.shape[1] < 2 or len(cells) != numbers.shape[1]:
            raise ValueError(f"a row holds {numbers.shape[1]} numbers, the first {len(cells)}")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return as_pixels(np.delete(numbers, place or 0, axis=1), str(path)), numbers[:, place or 0]


def _place_of_labels(cells: list[str]) -> int | None:
    """Return which column holds the labels by a first line of names; None if it is a row itself.

    A table without names is written with a count for them, and its labels come first.
    """
    names = [cell.strip().lower() for cell in cells]
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        pass
    else:
        n = len(numbers)
        counted = n > _MANY and numbers in ([*range(n)], [*range(1, n + 1)])
        return 0 if counted else None
    found = [i for i, name in enumerate(names) if name in _COLUMNS]
    if len(found) != 1:
        held = ", ".join(cells)[:60]
        raise ValueError(
            f"one column must be named label, class, target, y or digit; the columns are {held}"
        )
    others = names[: found[0]] + names[found[0] + 1 :]
    stems = [re.sub(r"\d", "", name) for name in others]  # pixel0, 1x1, ...
    if 1 < len(set(stems)) < len(stems):
        usual = max(stems, key=stems.count)
        odd = next(n for n, stem in zip(others, stems, strict=True) if stem != usual)
        raise ValueError(
            f"column {odd or 'without a name'} is not named like the pixels; leave it out, "
            "an index or an id too"
        )
    return found[0]
