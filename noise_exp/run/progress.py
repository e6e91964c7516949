"""How far one run is, as it trains."""

import sys
from collections.abc import Iterator
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from noise_exp.training.loop import EpochRecord

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
