"""Images in a table of text: a row for each, its label in a column."""

import csv
import gzip
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from noise_exp.training.pixels import as_pixels

_LABELS = {"label", "labels", "class", "target", "y", "digit"}
_MANY = 64  # columns: no row of so many pixels counts up from 0 or 1


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
    state = path.stat()
    return _read(path, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=2)  # the jobs of a sweep that share a process read a file once
def _read(path: Path, _state: object) -> tuple[np.ndarray, np.ndarray]:
    at = 0

    def lines() -> Iterator[str]:
        nonlocal at
        for line in file:
            at += 1
            if line.strip():
                yield line

    try:
        with (gzip.open if _is_packed(path) else open)(path, "rt", encoding="utf-8-sig") as file:
            rows = lines()
            first = next(rows, "")
            delimiter = next((d for d in ";\t" if d in first), ",")
            cells = next(csv.reader([first], delimiter=delimiter), [])
            named = _are_names(cells)
            place = _place_of_labels(cells) if named else 0
            body = rows if named else itertools.chain([first], rows)
            if not (second := next(body, "")):
                raise ValueError("there is no row of numbers")
            numbers = np.loadtxt(
                itertools.chain([second], body),
                delimiter=delimiter, quotechar='"', comments=None, ndmin=2,
            )  # fmt: skip
        if numbers.shape[1] < 2 or len(cells) != numbers.shape[1]:
            raise ValueError(f"a row holds {numbers.shape[1]} numbers, the first {len(cells)}")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path} is a damaged gzip file") from None
    except ValueError as error:
        told = str(error).partition(" at row")[0]
        raise ValueError(f"{path}, line {at}: {told}") from None
    return as_pixels(np.delete(numbers, place, axis=1), str(path)), numbers[:, place].copy()


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _are_names(cells: list[str]) -> bool:
    """Whether a first line names the columns; tables without names are written with a count."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return True
    return len(cells) > _MANY and numbers in ([*range(len(cells))], [*range(1, len(cells) + 1)])


def _place_of_labels(names: list[str]) -> int:
    """Return which column holds the labels; the first, where the names are a count."""
    if all(name.isdigit() for name in names):
        return 0
    found = [i for i, name in enumerate(names) if name.strip().lower() in _LABELS]
    if len(found) != 1:
        held = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        raise ValueError(
            f"one column must be named label, class, target, y or digit; the columns are {held}"
        )
    others = [name for i, name in enumerate(names) if i != found[0]]
    stems = [re.sub(r"\d", "", name) for name in others]  # pixel0, 1x1, ...
    usual, times = Counter(stems).most_common(1)[0]
    odd = [name for name, stem in zip(others, stems, strict=True) if stem != usual]
    if odd and times > 1:
        raise ValueError(
            f"column {odd[0] or 'without a name'} is not named like the pixels ({others[-1]}); "
            "leave it out, an index or an id too"
        )
    return found[0]
