"""Errors that are the user's to mend, and the one place where a command ends by them."""

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Iterator

from noise_exp import terminal
from noise_exp.redaction import redacted

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
         errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)  # fmt: skip


class UserError(Exception):
    """A mistake in the configuration or its surroundings, in one line for the user."""


class ReportedError(UserError):
    """A failure that has been reported already: only the exit code is left."""


class DryRun(Exception):  # noqa: N818 (it is no error)
    """All that was asked for is done before the usual end, as in a dry run."""


def in_words(error: BaseException) -> str:
    """Say an error in one line: what the user can mend, else what it is."""
    if isinstance(error, UserError):
        return str(error)
    if is_of_disk(error):
        where, why = getattr(error, "filename", None), getattr(error, "strerror", error)
        if where and os.path.isfile(where) and not os.access(where, os.R_OK):
            return f"{where} cannot be read ({why}); let it be read (chmod u+r), or give another"
        return (
            f"{where or 'the output'} cannot be written ({why}); "
            "free some space or choose another folder"
        )
    if isinstance(error, MemoryError):
        return (
            f"there is not enough memory ({error or 'none is left'}); try less, as smaller layers"
        )
    return " ".join(f"{type(error).__name__}: {error}".split())


def is_of_disk(error: BaseException) -> bool:
    """Whether a file could not be read or written, for lack of space or permission, or its name."""
    return isinstance(error, OSError) and error.errno in _DISK


@contextlib.contextmanager
def at_the_edge(program: str) -> Iterator[None]:
    """Turn what the user can mend into a line and an exit code, with the program's name."""
    terminal.steady()
    try:
        yield
    except DryRun:
        sys.exit()
    except ReportedError:
        sys.exit(1)
    except (UserError, OSError, MemoryError) as error:
        sys.exit(redacted(f"{program}: {in_words(error)}"))
    except Exception:
        sys.exit(redacted(traceback.format_exc()))
