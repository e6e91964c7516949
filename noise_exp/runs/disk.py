"""What a run's record is on disk: its names, locks, and what a power cut leaves of it."""

import contextlib
import errno
import json
import os
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock

from noise_exp.errors import UserError

RECORDS = ".noise_exp"  # in an output folder: what the program keeps there for itself
FACTS = "run.json"
EPOCHS = "epochs.jsonl"
ARTIFACTS = "artifacts"
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class Lock(FileLock):
    """A lock on a file, which may be left there; it ends with the process that holds it.

    Parameters
    ----------
    path
        The file; it is made if it is missing.
    timeout
        Seconds to wait for another process; for ever by default.
    """

    def __init__(self, path: Path, timeout: float = -1) -> None:
        # A file that is a lock by being there would outlive a process that is killed.
        # It is let go by the thread that delivers, not by the one that took it.
        super().__init__(path, timeout=timeout, thread_local=False, fallback_to_soft=False)

    def acquire(self, *arguments: Any, **options: Any) -> AcquireReturnProxy:
        """Lock.

        Raises
        ------
        filelock.Timeout
            If another process holds the lock for too long.
        UserError
            If the file system has no locks.
        """
        try:
            return super().acquire(*arguments, **options)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            raise UserError(
                f"{self.lock_file} cannot be locked ({error.strerror}); choose a folder on a file "
                "system that has locks, by tracking.uri, hydra.run.dir or hydra.sweep.dir"
            ) from None


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
