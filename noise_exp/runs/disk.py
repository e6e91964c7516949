"""What a run's record is on disk: its names, locks, and what a power cut leaves of it."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

RECORDS = ".noise_exp"  # in an output folder: what the program keeps there for itself
FACTS = "run.json"
EPOCHS = "epochs.jsonl"
ARTIFACTS = "artifacts"


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
