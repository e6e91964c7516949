"""What a run's record is on disk: its names, locks, and what a power cut leaves of it."""

import contextlib
import json
import logging
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from noise_exp.terminal import program

RECORDS = ".noise_exp"  # in an output folder: what the program keeps there for itself
FACTS = "run.json"
EPOCHS = "epochs.jsonl"
ARTIFACTS = "artifacts"

log = logging.getLogger(__name__)


def lock(path: Path, timeout: float = -1) -> FileLock:
    """Return a lock on a file, which may be left there; it ends with the process that holds it.

    `timeout`: seconds to wait for another process, which end in `filelock.Timeout`; for ever by
    default.
    """
    # A file that is a lock by being there would outlive a process that is killed.
    # It is let go by the thread that delivers, not by the one that took it.
    return FileLock(path, timeout=timeout, thread_local=False, fallback_to_soft=False)


def synced(*paths: Path) -> None:
    """Let the system write files and folders to disk, those that are there."""
    for path in paths:
        with contextlib.suppress(OSError):  # some systems sync no folder
            number = os.open(path, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)


def epoch_in(line: bytes) -> dict[str, Any] | None:
    """Return what a line says of an epoch; None if it is damaged."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or {type(said.get(k)) for k in ("epoch", "time")} != {int}:
        return None
    return said if all(isinstance(v, int | float | None) for v in said.values()) else None


def decoded(text: str) -> str:
    """Return a text of the command line's whose bytes are not in the locale's encoding as UTF-8.

    Python keeps such bytes as lone surrogates, which no file and no store takes.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def how_to_deliver(folder: Path) -> str:
    """Say how to deliver later what is owed in a folder."""
    command = [program("python"), "-m", "noise_exp.tracking", "sync", str(folder)]
    return f"Deliver it with\n    {shlex.join(command)}"


def put_aside(folder: Path, uid: str, files: Iterable[str]) -> None:
    """Move what an earlier run in a folder still owes its store, `files` too, to one below.

    What is moved last is the record, so that it can go on where it was cut short.
    """
    log.warning(
        "An earlier run in %s still owes its store something, which is kept. %s",
        folder, how_to_deliver(folder),
    )  # fmt: skip
    aside = folder / RECORDS / f"owed-{uid[:8]}"
    (aside / RECORDS).mkdir(parents=True, exist_ok=True)
    for name in (*files, *(f"{RECORDS}/{name}" for name in (ARTIFACTS, EPOCHS, FACTS))):
        if (folder / name).exists():
            (folder / name).replace(aside / name)
