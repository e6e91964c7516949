"""What a run leaves in its own folder as it goes; a tracking store is filled from it.

All of it lies in `.noise_exp/`, a name that nobody else uses, so that a run may be given a folder
that holds other things; docs/sweeps.md says what is there. The file `alive` is locked as long as
the run's process lives, however it ends.

Whoever deletes the folder under a run that is at work costs it nothing: its lines are read from the
file that it has open, and the folder is made anew as soon as anything else is written.
"""

import contextlib
import errno
import json
import logging
import math
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from threading import Lock
from typing import Any, TextIO

from filelock import Timeout

from noise_exp.errors import UserError
from noise_exp.runs import disk
from noise_exp.runs.disk import ARTIFACTS, EPOCHS, FACTS, RECORDS, lock, synced
from noise_exp.runs.record import OWED, Owed, Record, curves_of, now, parsed
from noise_exp.training.loop import EpochRecord

_ALIVE = "alive"
_ADDED = {"tags", "params", "metrics", "series"}
_SYNC_SECONDS = 5.0  # of training that a power cut may take with it

_NOTHING = Owed()

log = logging.getLogger(__name__)


class Journal:
    """The record of one run, written by its process and read by the delivery to the store.

    Attributes
    ----------
    record, owed
        As they are now: replaced by `update` alone, so that another thread reads them whole.
    """

    def __init__(self, folder: Path, record: Record, owed: Owed) -> None:
        self.folder = folder
        self._set(record, owed)
        self._records = folder / RECORDS
        self._guard = Lock()  # the delivery runs in a thread of its own
        self._alive = lock(self._records / _ALIVE, timeout=0)
        self._held: os.stat_result | None = None  # the lock's file, of a run that is at work
        self._lines: TextIO | None = None
        self._contents: dict[str, bytes] = {}  # of artifacts that the store does not have yet
        self._synced = time.monotonic()

    @classmethod
    def start(cls, folder: Path, record: Record, owed: Owed = _NOTHING) -> "Journal":
        """Begin the record of a run in `folder`, and hold its lock until it ends.

        The lock's place is added to the tags, for whoever wants to know whether the run lives.
        What an earlier run in the same folder still owes its store is moved to a folder below.

        Raises
        ------
        UserError
            If a living run, or another job of the same sweep, has the folder.
        """
        folder = folder.absolute()
        before = None
        with contextlib.suppress(OSError, ValueError):
            before = cls.load(folder)
        there = before.record if before else record
        if record.sweep and there.sweep == record.sweep and there.job != record.job:
            raise UserError(
                f"the output folder {folder} is that of job {there.job} of the same sweep; "
                "put ${hydra.job.num} into hydra.sweep.subdir"
            )
        (folder / RECORDS).mkdir(parents=True, exist_ok=True)
        where = {"host": platform.node(), "folder": str(folder)}
        journal = cls(folder, replace(record, tags={**record.tags, **where}), owed)
        try:
            journal._hold()
        except Timeout:
            raise UserError(
                f"the output folder {folder} is used by a run that is still alive; "
                "choose another hydra.run.dir or hydra.sweep.dir"
            ) from None
        if before:
            if before.owed:
                disk.put_aside(folder, before.record.uid, before.owed.files)
            before.clear_artifacts()
        for name in (FACTS, EPOCHS):
            (folder / RECORDS / name).unlink(missing_ok=True)
        journal._write()
        return journal

    @classmethod
    def load(cls, folder: Path) -> "Journal":
        """Read the record in `folder`, without its lock.

        Raises
        ------
        OSError, ValueError
            If there is none, or it is not one.
        """
        path = folder / RECORDS / FACTS
        try:
            return cls(folder, *parsed(json.loads(path.read_bytes())))
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from None

    @staticmethod
    def find(folder: Path) -> list[Path]:
        """Return the folders with a record, `folder` itself and all below it."""
        places = ((Path(at), names) for at, _, names in os.walk(folder))  # it lets what goes go
        return sorted(at.parent for at, names in places if at.name == RECORDS and FACTS in names)

    @classmethod
    def below(cls, folder: Path) -> Iterator["Journal"]:
        """Yield the records in a folder and below it, but for those that are damaged."""
        for found in cls.find(folder):
            with contextlib.suppress(OSError, ValueError):
                yield cls.load(found)

    @classmethod
    @contextlib.contextmanager
    def claim(cls, folder: Path) -> Iterator["Journal | None"]:
        """Read the record in `folder` with the run's lock held; None while the run is alive."""
        try:  # two that look at once wait so long
            held = lock(folder / RECORDS / _ALIVE, timeout=0.2).acquire()
        except Timeout:
            yield None
            return
        with held:
            yield cls.load(folder)

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.record.status != "RUNNING"

    @property
    def artifacts(self) -> list[Path]:
        """The files that leave the folder when the store has them; some may be gone."""
        return [self._records / ARTIFACTS / name for name in self.owed.artifacts]

    def log_artifacts(self, files: Mapping[str, bytes]) -> None:
        """Keep files for the store."""
        self.update(artifacts=list(dict.fromkeys([*self.owed.artifacts, *files])))
        self._contents.update(files)
        self._write_artifacts(files)

    def _write_artifacts(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self._records / ARTIFACTS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def update(self, **changes: Any) -> None:
        """Change what is known or owed and write it: whole or not at all, whatever happens.

        Tags, params, metrics and series are added to those that are there.
        """
        with self._guard:
            for key in changes.keys() & _ADDED:
                changes[key] = {**self._content[key], **changes[key]}
            owed = {key: changes.pop(key) for key in OWED & changes.keys()}
            self._set(replace(self.record, **changes), replace(self.owed, **owed))
            self._write()

    def _set(self, record: Record, owed: Owed) -> None:
        """Take over what is known, every text of it as a file and a store take it."""
        content = asdict(replace(record, curves={})) | asdict(owed)
        del content["curves"]  # which are in the lines
        self._content = json.loads(disk.decoded(json.dumps(content, ensure_ascii=False)))
        self.record, self.owed = parsed(self._content)

    def log_epoch(self, record: EpochRecord) -> None:
        """Append a line; a value that is not finite becomes null, which JSON lacks a word for."""
        values = asdict(record)
        values |= values.pop("diagnostics")
        line = {key: v if math.isfinite(v) else None for key, v in values.items()}
        self._lines = self._lines or self._open_lines()
        self._lines.write(json.dumps(line | {"time": now()}) + "\n")
        if time.monotonic() - self._synced > _SYNC_SECONDS:
            self._sync()

    def _open_lines(self) -> TextIO:
        return (self._records / EPOCHS).open("a+", buffering=1, encoding="utf-8")  # by the line

    def epochs(self, start: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Read the epochs' lines from byte `start` on; return them and where the next will be.

        A line that is damaged is left out.
        """
        try:
            # The file that is open is there even if its folder was deleted. Its threads share one
            # position in it.
            with self._guard:
                lines = self._lines
                path = os.dup(lines.fileno()) if lines else self._records / EPOCHS
                with open(path, "rb") as file:
                    file.seek(start)
                    text = file.read()
        except FileNotFoundError:
            return [], start
        whole = text[: text.rfind(b"\n") + 1]  # a process that was killed may leave half a line
        epochs = [disk.epoch_in(line) for line in whole.splitlines()]
        if damaged := epochs.count(None):
            log.warning("%d lines of %s are damaged", damaged, self._records / EPOCHS)
        return [epoch for epoch in epochs if epoch], start + len(whole)

    def read(self) -> Record:
        """Return the run with its curves, as far as it is."""
        return replace(self.record.asked, curves=curves_of(self.epochs()[0]))

    def end(self, status: str, **tags: str) -> None:
        """Set the final status, in memory at least, where the store may still learn it."""
        try:
            self.update(status=status, end_time=now(), tags=tags)
            self._sync()
        except OSError as error:
            log.error("%s cannot be written: %s", self._records / FACTS, error.strerror)

    def release(self) -> None:
        """Give up the run's lock: nothing is written any more."""
        with self._guard:
            if self._lines:
                with contextlib.suppress(OSError):
                    self._lines.close()
            self._lines = self._held = None
        self._alive.release()

    def end_unseen(self) -> None:
        """Set the status of a run whose process died: killed, after its last epoch."""
        epochs, _ = self.epochs()
        last = epochs[-1]["time"] if epochs else self.record.start_time
        self.update(status="KILLED", end_time=last)

    def clear_artifacts(self) -> None:
        """Delete the files that the store has."""
        self._contents.clear()
        shutil.rmtree(self._records / ARTIFACTS, ignore_errors=True)

    def _hold(self) -> None:
        self._alive.acquire()
        self._held = os.stat(self._alive.lock_file)

    def _is_there(self, held: os.stat_result) -> bool:
        """Whether the files that are open still have their names."""
        known = [(Path(self._alive.lock_file), held)]
        if self._lines:
            known.append((self._records / EPOCHS, os.fstat(self._lines.fileno())))
        try:
            return all(os.path.samestat(path.stat(), was) for path, was in known)
        except FileNotFoundError:
            return False

    def _restore(self) -> None:
        """Make the folder anew, which somebody has deleted, from what is open and in memory.

        OSError if it cannot be made, or another run has its place by now.
        """
        log.warning("%s was deleted, and is made anew: its run is still alive", self.folder)
        self._records.mkdir(parents=True, exist_ok=True)
        self._alive.release()
        try:
            self._hold()
        except Timeout:
            raise OSError(errno.EEXIST, "another run uses it by now", str(self.folder)) from None
        self._write_artifacts(self._contents)
        if before := self._lines:
            before.seek(0)
            (self._records / EPOCHS).unlink(missing_ok=True)  # it may be the same file still
            self._lines = self._open_lines()
            self._lines.write(before.read())
            before.close()

    def _sync(self) -> None:
        """Let the system write to disk what a power cut would take."""
        records = self._records
        synced(records / EPOCHS, records / FACTS, records, self.folder, self.folder.parent)
        self._synced = time.monotonic()

    def _write(self) -> None:
        if self._held and not self._is_there(self._held):
            self._restore()
        part = self._records / f"{FACTS}.part"
        part.write_text(json.dumps(self._content, indent=1), "utf-8")
        part.replace(self._records / FACTS)
