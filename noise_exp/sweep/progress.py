"""How far a whole sweep is, whatever launcher runs its jobs."""

import sys
import threading
import time
from pathlib import Path

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import now
from noise_exp.writing import duration

_POLL_SECONDS = 1.0
_TERMINAL_SECONDS, _LOG_SECONDS = 10.0, 30.0  # between two lines
_SHARE = 0.02  # a line per so much of the time gone, so that a long sweep's log stays short


class SweepProgress:
    """Says now and then how many runs are done and how long the rest will take.

    The jobs may run in other processes, so their records are looked for in the sweep's folder.

    Parameters
    ----------
    folder, uid
        Of the sweep.
    total
        How many jobs it has; None if only the sweeper knows.
    """

    def __init__(self, folder: Path, uid: str, total: int | None) -> None:
        self._folder, self._uid, self._total = folder, uid, total
        self._ended_jobs: set[Path] = set()
        self._began = now()
        self._first: int | None = None
        self._ended = threading.Event()
        self.done = self.reused = 0
        self._thread = threading.Thread(target=self._work, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is said any more."""
        self._ended.set()
        self._thread.join()

    def look(self) -> None:
        """Count the jobs that have ended since the last look."""
        for folder in Journal.find(self._folder):
            if folder in self._ended_jobs:
                continue
            try:
                run = Journal.load(folder).record
            except (OSError, ValueError):
                continue
            if run.sweep != self._uid:
                continue
            if not run.reused:
                self._first = min(run.start_time, self._first or run.start_time)
            if run.status != "RUNNING":
                self._ended_jobs.add(folder)
                self.done += 1
                self.reused += run.reused

    def line(self) -> str:
        """Say how far the sweep is."""
        of = "" if self._total is None else f" of {self._total}"
        text = f"sweep: {self.done}{of} runs done after {duration((now() - self._began) / 1000)}"
        ran = self.done - self.reused  # an earlier sweep's run takes no time
        if self._total is not None and ran and self._first is not None:
            # The start-up before the first job is no part of what the others will take.
            since = max(0, now() - self._first) / 1000
            text += f", about {duration(since / ran * (self._total - self.done))} left"
        return text

    def _work(self) -> None:
        every = _TERMINAL_SECONDS if sys.stderr.isatty() else _LOG_SECONDS
        start = last = time.monotonic()
        shown = 0
        while not self._ended.wait(_POLL_SECONDS):
            gone = time.monotonic() - start
            if time.monotonic() - last < max(every, _SHARE * gone):
                continue
            self.look()
            if self.done > shown:
                print(self.line(), file=sys.stderr, flush=True)
                last, shown = time.monotonic(), self.done
