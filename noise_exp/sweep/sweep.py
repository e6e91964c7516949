"""A sweep that has begun: its folder, its own run, its store; and how far it is."""

import logging
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise_exp.errors import ReportedError
from noise_exp.job import launchers
from noise_exp.job.describe import SweepContext
from noise_exp.job.job import store_of
from noise_exp.redaction import masked, redacted
from noise_exp.runs.disk import decoded
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import NAME_LENGTH, Owed, Record, key_of, now
from noise_exp.sweep.plan import Plan
from noise_exp.terminal import program
from noise_exp.tracking.recording import Recording, say_owed
from noise_exp.writing import duration

if TYPE_CHECKING:  # a second of MLflow that an untracked sweep has no use for
    from noise_exp.tracking.store import Store

_POLL_SECONDS = 1.0
_TERMINAL_SECONDS, _LOG_SECONDS = 10.0, 30.0  # between two lines
_SHARE = 0.02  # a line per so much of the time gone, so that a long sweep's log stays short

log = logging.getLogger(__name__)


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


@dataclass(frozen=True)
class Sweep:
    """One multirun, whole once it exists.

    Attributes
    ----------
    plan
        Its jobs, and what they have one of.
    context
        What they are given.
    store
        None where it is not tracked.
    recording, journal
        Of its own run.
    progress
        Says how far it is.
    finished
        With resume=true: runs that stand for jobs, by their ids, without their curves.
    submitted
        Its jobs that an interruption does not end.
    started
        When, by `time.perf_counter`.
    """

    plan: Plan
    context: SweepContext
    store: "Store | None"
    recording: Recording
    journal: Journal
    progress: SweepProgress
    finished: Mapping[str, Record]
    submitted: launchers.Submitted
    started: float = field(default_factory=time.perf_counter)

    @classmethod
    def begin(cls, planned: Plan, context: SweepContext, submitted: launchers.Submitted) -> "Sweep":
        """Begin the sweep's own run, and tell the jobs of it.

        Raises
        ------
        UserError
            If its folder is in use, or the store takes no run.
        """
        store = store_of(planned.tracking)
        if store:
            context.uri, context.experiment_id = store.uri, store.experiment_id
            if planned.launcher.submits:
                context.uri = masked(store.uri)  # each job completes it from its environment
        finished: dict[str, Record] = {}
        if store and planned.resume:
            from noise_exp.job import reuse  # MLflow

            finished = reuse.look(store, context)
        recording = Recording(
            planned.folder, _begun(planned, store),
            Owed(store.uri, store.experiment_id) if store else Owed(),
            planned.tracking.patience, last=False, at_once=True,
        )  # fmt: skip
        journal = recording.__enter__()
        context.uid, context.pid = journal.record.uid, os.getpid()
        context.parent_id = journal.record.run_id
        context.total, context.swept = planned.total, planned.swept
        progress = SweepProgress(planned.folder, context.uid, planned.total)
        progress.start()
        return cls(planned, context, store, recording, journal, progress, finished, submitted)

    def end(self, finish: Callable[["Sweep"], None]) -> None:
        """Deliver what jobs owe, finish, and end the sweep's own run as that went.

        Raises
        ------
        ReportedError
            If something is still owed at the very end.
        """
        self.progress.stop()
        try:
            with ExitStack() as stack:
                stack.callback(self.report_owed)
                stack.push(self._end_recording)
                self.deliver_owed()
                finish(self)
        except KeyboardInterrupt:
            if not self.journal.ended:
                self.abandon()
            raise

    def _end_recording(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, Exception):  # else the sweep is abandoned
            self.recording.__exit__(kind, error, trace)

    def abandon(self) -> None:
        """End the run of a sweep that was interrupted or broke, for which Hydra has no event."""
        self.progress.stop()
        self.recording.shorten_patience()
        self.deliver_owed()
        if broken := self.context.broken:
            self.journal.end("FAILED", error=broken)
        else:
            self.journal.end("KILLED")
        self.recording.__exit__(None, None, None)
        with suppress(ReportedError):  # it is no success anyway
            self.report_owed()
        if ended_by := self.submitted.ended_by:
            log.error(
                "The jobs that were submitted go on. Let them end, or end all of them, those that "
                "wait too, with\n    %s",
                ended_by,
            )
        if self.store and not broken:  # resumed, it would break at the same job
            then = "Then run" if ended_by else "Run"
            log.error("%s what is missing with\n    %s", then, command(resume=True))

    def deliver_owed(self) -> dict[Path, str]:
        """Deliver what its jobs owe whose store was away, or whose process was killed.

        What others left below its folder is not its own to wait for.

        Returns
        -------
        The folders of those that still owe something when patience is at its end, and why.
        """
        if not self.store:
            return {}
        own = [
            left.folder
            for left in Journal.below(self.journal.folder)
            if left.owed
            and left.record.sweep == self.journal.record.uid
            # What was submitted and goes on delivers by itself.
            and (left.ended or not self.submitted.ended_by)
        ]
        return self.recording.deliver(own)

    def report_owed(self) -> None:
        """Say what is still owed at the very end, and how to deliver it later.

        Raises
        ------
        ReportedError
            If something is.
        """
        if owed := self.deliver_owed():
            say_owed(next(iter(owed.values())), self.journal.folder)
            raise ReportedError


def command(resume: bool = False) -> str:
    """Return the command line, as it was given or to resume it."""
    arguments = sys.argv[1:]
    if resume:
        arguments = [a for a in arguments if key_of(a) != "resume"] + ["resume=true"]
    python = program("python") if resume else "python"  # one is for this shell, one for everybody
    return decoded(redacted(shlex.join([python, "-m", "noise_exp", *arguments])))


def _begun(planned: Plan, store: "Store | None") -> Record:
    name = redacted(f"sweep {' '.join(planned.asked)}").strip()
    tags = {"kind": "sweep", "sweep": str(planned.folder)}
    outer = store.outer() if store else None
    return Record(name[:NAME_LENGTH], tags, command=command(), parent_id=outer)
