"""One protocol for every comparison: settings searched on validation images, then seeds on test's.

Both are sweeps of `python -m noise_exp`, processes of one thread each. Their commands are printed
and can be run by hand; what the store holds of them is not done again.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from noise_exp.errors import ReportedError, UserError
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record, key_of

CONF = Path(__file__).parent / "conf"
_COMMON = ("resume=true", "threads=1", "tracking.model=false")


@dataclass(frozen=True)
class Sweep:
    """A sweep of one cell, into a folder of its own.

    Attributes
    ----------
    cell
        The cell's name.
    folder
        Of its output; relative to where it is started.
    overrides
        As on the command line.
    """

    cell: str
    folder: Path
    overrides: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """All that follows `python`."""
        start = ["-m", "noise_exp", "--config-dir", os.path.relpath(CONF), "-m"]
        return [*start, *self.overrides, *_COMMON, f"hydra.sweep.dir={self.folder}"]

    def run(self) -> list[Record]:
        """Start it, wait for its end, and return its runs.

        Raises
        ------
        ReportedError
            If it fails; its output is printed.
        """
        print(shlex.join(["python", *self.arguments]), flush=True)
        done = subprocess.run(
            [sys.executable, *self.arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            print(f"{done.stdout}\n{self.cell}: the command above has failed", file=sys.stderr)
            raise ReportedError
        return load(self.folder)


@dataclass(frozen=True)
class Cell:
    """One method under one condition: network, images and budget.

    Attributes
    ----------
    name
        In the results, and of its folders.
    searched
        Overrides of the sweep that searches its settings.
    trained
        Overrides of its training, its settings apart.
    seeds
        How many: 1, 2, ...
    space
        What the search goes through, beside what its experiment says.
    source
        The cell whose settings it takes, if it was not searched itself.
    """

    name: str
    searched: tuple[str, ...]
    trained: tuple[str, ...]
    seeds: int
    space: tuple[str, ...] = ()
    source: "Cell | None" = None

    def search(self, folder: Path) -> Sweep:
        """Return the sweep that searches its settings on validation images."""
        return Sweep(self.name, folder / "search" / self.name, (*self.searched, *self.space))

    def settings(self, trial: Mapping[str, str]) -> dict[str, str]:
        """Return what a trial's sweeper chose, rounded to two significant digits."""
        given = {key_of(override) for override in (*self.searched, *self.trained)}
        return {key: rounded(value) for key, value in trial.items() if key not in given}

    def run(self, folder: Path, settings: Mapping[str, str]) -> Sweep:
        """Return the sweep that trains with these settings, and measures the test images."""
        chosen = (f"{key}={value}" for key, value in settings.items())
        seeds = f"seed=range(1,{self.seeds + 1})"
        return Sweep(self.name, folder / "run" / self.name, (*self.trained, *chosen, seeds))


def settings_of(record: Record) -> dict[str, str]:
    """Return what was set for a run, by key, but for what does not change its result."""
    common = {key_of(override) for override in _COMMON}
    return {key: value for key, value in record.settings.items() if key not in common}


def rounded(value: str) -> str:
    """Return a number that is no integer with two significant digits, other values as they are."""
    try:
        return value if value.isdigit() else f"{float(value):.2g}"
    except ValueError:
        return value


Ended = Callable[[Sweep, Sequence[Record]], None]
"""What is done with the runs of a sweep at its end."""


def run(sweeps: Iterable[Sweep], jobs: int, ended: Ended) -> None:
    """Run sweeps, `jobs` at a time, and hand the runs of each to `ended`, in this thread.

    Raises
    ------
    ReportedError
        If one fails: no other begins, and those that run end first, and count.
    """
    failures: list[Exception] = []

    def runs(sweep: Sweep) -> list[Record]:
        if failures:
            return []
        try:
            return sweep.run()
        except Exception as error:
            failures.append(error)
            return []

    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(runs, sweep): sweep for sweep in sweeps}
        for future in as_completed(running):
            if records := future.result():
                ended(running[future], records)
    if failures:
        raise failures[0]


def load(folder: Path) -> list[Record]:
    """Return the finished runs of the sweep in a folder, by their numbers.

    A job for which an earlier run stands has that run's results.

    Raises
    ------
    UserError
        If there is none, or the store that holds one cannot be read.
    """
    try:
        sweep = Journal.load(folder).record.uid
    except (OSError, ValueError):
        sweep = ""
    runs = [journal.read() for journal in Journal.below(folder) if journal.record.sweep == sweep]
    finished = sorted((r for r in runs if sweep and not r.error), key=lambda r: r.job)
    if not finished:
        raise UserError(f"{folder} holds no finished run of a sweep")
    stored = _stored([r.run_id or "" for r in finished if r.reused])
    return [
        replace(stored[r.run_id], overrides=r.overrides) if r.run_id in stored else r
        for r in finished
    ]


def _stored(run_ids: list[str]) -> dict[str | None, Record]:
    if not run_ids:
        return {}
    from noise_exp.tracking import reading
    from noise_exp.tracking.store import opened

    with opened(None, None) as store:
        records = reading.read(store, store.by_id(run_ids).values())
    if lost := set(run_ids) - {record.run_id for record in records}:
        raise UserError(f"the store holds no run {', '.join(sorted(lost))}; run the sweep again")
    return {record.run_id: record for record in records}
