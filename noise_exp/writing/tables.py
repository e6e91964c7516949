"""Tables in Markdown, and as csv files."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from noise_exp.writing.numbers import UNKNOWN

if TYPE_CHECKING:  # half a second that few callers have to spend
    import pandas as pd


def markdown(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown; cells are written as `str` does."""
    names = list(head)
    lines: list[Iterable[object]] = [names, ["---"] * len(names), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def write_csv(path: Path, head: Iterable[object], rows: Iterable[Iterable[object]]) -> None:
    """Write a table to a csv file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([head, *rows])


def without_empty(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of text without the columns that say nothing."""
    return frame.loc[:, ~frame.isin(["", UNKNOWN]).all()]


def markdown_of(frame: "pd.DataFrame") -> str:
    """Return a table of text in Markdown, without its index."""
    return markdown(frame.columns, frame.to_numpy().tolist())
