"""Images in a table of text: a row for each, its label in a column."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from noise_exp.training.idx import unpacked
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
    found = [i for i, name in enumerate(names) if name in _LABELS]
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
