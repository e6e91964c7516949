"""The user's terminal: output that is never a reason to end, and what a shell is to be given."""

import contextlib
import io
import os
import select
import shutil
import sys
from pathlib import Path
from typing import Any, TextIO


class _Lasting(io.FileIO):
    """A file whose writes cannot fail: what nobody can read any more is dropped."""

    def write(self, data: Any) -> int:
        """Write what can be written; return the length of all of it where nothing can."""
        try:
            while (
                written := super().write(data)
            ) is None:  # a pipe that is full, and does not block
                select.select([], [self], [])
            return written
        except OSError:  # a pipe without a reader, a terminal that was closed, a full disk
            return len(data)


def steady() -> None:
    """Let no print or log line fail in this process, whatever becomes of its terminal or pipe.

    A character that the terminal's encoding lacks is written as its escape.
    """
    sys.stdout = _steady(sys.stdout, sys.__stdout__)
    sys.stderr = _steady(sys.stderr, sys.__stderr__)


def program(name: str) -> str:
    """Return what the user's shell starts a program of this Python's environment by.

    Its name alone would be another's, or nobody's, where the environment is not activated, as after
    `make sweep`: then its path.
    """
    path, found = Path(sys.executable).with_name(name), shutil.which(name)
    if found and (sys.prefix == sys.base_prefix or Path(found).parent == path.parent):
        return name
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _steady(stream: TextIO | None, original: TextIO | None) -> TextIO:
    """Return a steady stream in place of Python's own; leave another's, as a notebook's."""
    if stream is None:  # closed before the start (`>&-`)
        return open(os.devnull, "w", encoding="utf-8")
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):
        # A Windows console's takes letters, where bytes would be read in its old code page.
        stream.reconfigure(errors="backslashreplace")
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
