"""Files of images and labels: MNIST's IDX, NumPy's .npy and .npz, tables of text."""

import contextlib
import csv
import gzip
import io
import itertools
import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from noise_exp.training.pixels import as_pixels

_INTEGERS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4"}
# What NumPy raises for what is damaged, or holds objects.
_DAMAGED = (ValueError, RuntimeError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)

Place = tuple[Path, str | None]  # of an array: its file and, in a .npz, its name
# What arrays are called.
_IMAGES = ("images", "image", "x", "data")
_LABELS = ("labels", "label", "y", "target", "targets")
_FORMS = {"train": ("train_{}", "{}_train", "{}"), "test": ("test_{}", "{}_test")}
_COLUMNS = {"label", "labels", "class", "target", "y", "digit"}
_MANY = 64  # columns: no row of so many pixels counts up from 0 or 1


def read_labels(path: Path) -> np.ndarray:
    """Read labels (n,): whole numbers of any type or, as in QMNIST, the first of several columns.

    Raises ValueError like `read_idx`.
    """
    begin = unpacked(path)[:4]
    dimensions = 2 if begin[3:] == b"\2" else 1
    labels = read_idx(path, dimensions, integers=True)
    return labels if dimensions == 1 else labels[:, 0]


def read_idx(path: Path, dimensions: int, integers: bool = False) -> np.ndarray:
    """Read a file of unsigned bytes, or of integers of any size, in IDX format, gzipped or not.

    Raises
    ------
    ValueError
        If the file is not such a file, or its size is not what its header says.
    """
    content = unpacked(path)
    header, kinds = 4 + 4 * dimensions, _INTEGERS if integers else {8: ">u1"}
    zeros, kind = content[:2], kinds.get(content[2]) if content[3:] else None
    if zeros != b"\0\0" or kind is None or content[3] != dimensions:
        raise ValueError(
            f"{path} is not an IDX file of {'integers' if integers else 'unsigned bytes'} in "
            f"{dimensions} dimensions, whose magic number is 00 00, 08, {dimensions:02}: it starts "
            f"with the bytes {content[:4].hex(' ')}"
        )
    shape = tuple(int(n) for n in np.frombuffer(content[4:header].ljust(4 * dimensions), ">u4"))
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
    at = 0

    def lines() -> Iterator[str]:
        nonlocal at
        for line in io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig"):
            at += 1
            if line.strip():
                yield line

    content = unpacked(path)
    try:
        rows = lines()
        first = next(rows, "")
        delimiter = next((d for d in ";\t" if d in first), ",")
        cells = next(csv.reader([first], delimiter=delimiter), [])
        place = _place_of_labels(cells)
        body = itertools.chain([first] if place is None else [], rows)
        if not (second := next(body, "")):
            raise ValueError("there is no row of numbers")
        numbers = np.loadtxt(
            itertools.chain([second], body),
            delimiter=delimiter, quotechar='"', comments=None, ndmin=2,
        )  # fmt: skip
        if numbers.shape[1] < 2 or len(cells) != numbers.shape[1]:
            raise ValueError(f"a row holds {numbers.shape[1]} numbers, the first {len(cells)}")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; save it as CSV in UTF-8") from None
    except ValueError as error:
        told = str(error).partition(" at row")[0]
        raise ValueError(f"{path}, line {at}: {told}") from None
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
