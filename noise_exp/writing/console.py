"""What a person sees in the terminal: times and tables."""

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:  # half a second that only the end of a sweep has to spend
    import pandas as pd


def duration(seconds: float) -> str:
    """Write a time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes // 60:.0f} h {minutes % 60:.0f} min"


def print_table(frame: "pd.DataFrame", title: str) -> None:
    """Print a table; numbers are expected as text."""
    table = Table(title=title, title_justify="left")
    for column in frame.columns:
        table.add_column(str(column), justify="left" if column in ("", "method") else "right")
    for row in frame.itertuples(index=False):
        table.add_row(*(str(value) for value in row))
    # Without a terminal rich assumes 80 columns and would cut the table.
    Console(width=None if sys.stdout.isatty() else 160).print(table)
