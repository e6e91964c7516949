"""The life of a run: begun, recorded, delivered and ended, whether job, sweep or study."""

import contextlib
import getpass
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from noise_exp.errors import ReportedError, UserError, in_words
from noise_exp.redaction import masked, redacted
from noise_exp.runs.disk import decoded, how_to_deliver
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record

if TYPE_CHECKING:  # a second of MLflow that an untracked run has no use for
    from noise_exp.tracking.publisher import Publisher

_TAG_LENGTH = 5000
_HASTE = 2.0  # seconds that an interrupted run gives a store which fails
_HASTE_AT_MOST = 10.0  # and one which answers
_NOTHING = Owed()

log = logging.getLogger(__name__)
T = TypeVar("T")


class Recording:
    """A run from its begin to its end as FINISHED, FAILED or KILLED: to be used by `with`.

    Parameters
    ----------
    folder
        For its own record.
    record
        What is known of it before it begins.
    owed
        To the store that it is recorded in, if any.
    patience
        How many seconds to give the store at the end while it fails, all runs of this process
        taken together; None to leave the run to the publisher, and not to wait for it.
    last
        Whether nobody will deliver after this, so that the user has to know what is owed.
    at_once
        Whether the store must have the run before it goes on.

    Attributes
    ----------
    journal
        Its record; of a run that is over too.

    Raises
    ------
    UserError
        On entering, if another run is at work in the folder, or `at_once` and the store takes none.
    ReportedError
        On leaving, if all went well but the store does not know it and `last` is set.
    """

    def __init__(
        self,
        folder: Path,
        record: Record,
        owed: Owed = _NOTHING,
        patience: float | None = None,
        *,
        last: bool = True,
        at_once: bool = False,
    ) -> None:
        self.patience = patience
        self._folder, self._record, self._owed = folder, record, owed
        self._last, self._at_once = last, at_once
        self._deadline = math.inf
        self._publisher: Publisher | None = None

    def __enter__(self) -> Journal:
        """Begin; return the run's journal."""
        record, owed = self._record, self._owed
        if owed.uri:
            record = replace(record, tags={**record.tags, "mlflow.user": _user()})
            owed = replace(owed, uri=masked(owed.uri))
        self.journal = Journal.start(self._folder, record, owed)
        if self._owed.uri:
            self._tell(self._owed.uri)
        return self.journal

    def _tell(self, uri: str) -> None:
        from noise_exp.tracking.publisher import publisher

        self._publisher = publisher(uri)
        if not self._at_once:
            self._publisher.publish(self.journal)
            return
        try:
            why = self._publisher.make(self.journal, self.patience or 0.0)
        except BaseException as error:  # the store may have the run already
            self.__exit__(type(error), error, None)
            raise
        if why:
            self.journal.end("FAILED")
            raise UserError(f"the tracking store {masked(uri)} takes no run: {why}")

    def shorten_patience(self) -> None:
        """Have little patience at the end: whoever interrupted the run is waiting."""
        self.patience = min(self.patience or _HASTE, _HASTE)
        self._deadline = min(self._deadline, time.monotonic() + _HASTE_AT_MOST)

    def deliver(self, folders: Iterable[Path] = ()) -> dict[Path, str]:
        """Wait for the delivery of all that has ended, and of what others left in folders.

        Returns
        -------
        The folders of those that still owe something when patience is at its end, and why.
        """
        if not self._publisher:
            return {}
        for folder in folders:
            self._publisher.take(folder)
        return self._publisher.wait(self.patience or 0.0, self._deadline)

    def ask(self, call: Callable[[], T]) -> T:
        """Return what a call to the store returns; it is waited for with the patience left.

        Raises
        ------
        TimeoutError
            If it does not return.
        """
        return self._publisher.ask(call, self.patience or 0.0) if self._publisher else call()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End by what has happened, unless the journal is ended already; deliver."""
        if error and not isinstance(error, Exception):
            self.shorten_patience()
        if not self.journal.ended:
            self._end(error)
        if not self._publisher:
            self.journal.release()
        elif self.patience is not None:
            folder = self.journal.folder
            why = self.deliver().get(folder)
            if why and self._last:
                say_owed(why, folder)
                if not error:
                    raise ReportedError

    def _end(self, error: BaseException | None) -> None:
        if error is None:
            self.journal.end("FINISHED")
        elif isinstance(error, Exception):
            with contextlib.suppress(OSError):
                text = "".join(traceback.format_exception(error))
                self.journal.log_artifacts({"traceback.txt": decoded(redacted(text)).encode()})
            self.journal.end("FAILED", error=redacted(in_words(error))[:_TAG_LENGTH])
        else:
            self.journal.end("KILLED")


def _user() -> str:
    """Return who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def say_owed(why: str, folder: Path) -> None:
    """Say that the store lacks something of what is in a folder, and how to deliver it later."""
    log.warning(
        "The tracking store does not know all that is in %s (%s). %s",
        folder, why, how_to_deliver(folder),
    )  # fmt: skip
