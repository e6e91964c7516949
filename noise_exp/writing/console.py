"""What a person sees in the terminal: progress, results, tables."""

import sys
from collections.abc import Iterator
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from noise_exp.training.loop import EpochRecord

if TYPE_CHECKING:  # half a second that only the end of a sweep has to spend
    import pandas as pd

_LINES_PER_RUN = 5
_SECONDS_PER_LINE = 5.0


def progress(
    records: Iterator[EpochRecord], label: str, alone: bool, of_many: bool = False
) -> Iterator[EpochRecord]:
    """Pass records on, showing a bar on a terminal that this run has alone, else plain lines.

    A run of many says nothing unless it takes long: the sweep tells how far it is.
    """
    if alone and sys.stderr.isatty():
        return _bar(records, label)
    return _lines(records, label, 1 if of_many else _LINES_PER_RUN)


def _bar(records: Iterator[EpochRecord], label: str) -> Iterator[EpochRecord]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("cost {task.fields[cost]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0, cost="...")
        for record in records:
            yield record
            bar.update(task, completed=record.progress, cost=f"{record.cost:.4f}")


def _lines(records: Iterator[EpochRecord], label: str, lines: int) -> Iterator[EpochRecord]:
    shown = 0.0
    start = last = perf_counter()
    for record in records:
        yield record
        done, now = record.progress, perf_counter()
        if done < 1 and (done - shown >= 1 / lines - 1e-9 or now - last > _SECONDS_PER_LINE):
            left = (now - start) / done * (1 - done)
            shown, last = done, now
            print(
                f"{label}: epoch {record.epoch + 1}, {done:.0%}, cost {record.cost:.4f}, "
                f"{left:.1f} s left",
                file=sys.stderr,
                flush=True,
            )


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
