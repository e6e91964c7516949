"""Words for people: numbers, tables, the terminal. What is not known is a dash."""

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # half a second that few callers have to spend
    import pandas as pd

UNKNOWN = "–"


def number(value: float, form: str = "{:.4g}") -> str:
    """Write a number."""
    return form.format(value) if math.isfinite(value) else UNKNOWN


def spread(low: float, high: float, note: str = "", form: str = "{:.4g}") -> str:
    """Write an interval, or why there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return note or UNKNOWN
    text = f"{number(low, form)} to {number(high, form)}"
    return f"{text} ({note})" if note else text


def probability(p: float) -> str:
    """Write a p-value."""
    return "< 0.001" if p < 0.001 else number(p, "{:.3f}")


def count(k: int, low: float, high: float, n: int) -> str:
    """Write k of n with the interval of its share."""
    if not n:
        return UNKNOWN
    return f"{k} of {n} ({low:.0%} to {high:.0%})" if math.isfinite(low) else f"{k} of {n}"


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes // 60:.0f} h {minutes % 60:.0f} min"


def without_empty(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table of text without the columns that say nothing."""
    return frame.loc[:, ~frame.isin(["", UNKNOWN]).all()]


def markdown(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown; cells are written as `str` does."""
    names = list(head)
    lines: list[Iterable[object]] = [names, ["---"] * len(names), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def markdown_of(frame: "pd.DataFrame") -> str:
    """Return a table of text in Markdown, without its index."""
    return markdown(frame.columns, frame.to_numpy().tolist())


def print_table(frame: "pd.DataFrame", title: str) -> None:
    """Print a table; numbers are expected as text."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in frame.columns:
        table.add_column(str(column), justify="left" if column in ("", "method") else "right")
    for row in frame.itertuples(index=False):
        table.add_row(*(str(value) for value in row))
    # Without a terminal rich assumes 80 columns and would cut the table.
    Console(width=None if sys.stdout.isatty() else 160).print(table)
