"""Locks that end with the process that holds them."""

import errno
from pathlib import Path
from typing import Any

from filelock import AcquireReturnProxy, FileLock

from noise_exp.errors import UserError

_NONE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)


class Lock(FileLock):
    """A lock on a file, which may be left there.

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
            if error.errno not in _NONE:
                raise
            raise UserError(
                f"{self.lock_file} cannot be locked ({error.strerror}); choose a folder on a file "
                "system that has locks, by tracking.uri, hydra.run.dir or hydra.sweep.dir"
            ) from None
