"""The life of a run: begun, recorded, delivered and ended, whether job, sweep or study."""

import contextlib
import dataclasses
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from noise_exp.errors import ToldError, UserError, in_words
from noise_exp.records.facts import Facts, decoded
from noise_exp.records.journal import Journal
from noise_exp.redaction import masked, redacted

if TYPE_CHECKING:  # a second of MLflow that an untracked run has no use for
    from noise_exp.tracking.courier import Courier

_TAG_LENGTH = 5000
_HASTE = 2.0  # seconds that an interrupted run may still take to be delivered


class Recording:
    """A run from its begin to its end as FINISHED, FAILED or KILLED: to be used by `with`.

    Parameters
    ----------
    folder
        For its own record.
    facts
        What is known of it before it begins.
    uri
        The store that is told of it; None for no store.
    patience
        How many seconds to go on at the end while the store fails.
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
    ToldError
        On leaving, if all went well but the store does not know it and `last` is set.
    """

    def __init__(
        self,
        folder: Path,
        facts: Facts,
        uri: str | None = None,
        patience: float = 0.0,
        *,
        last: bool = True,
        at_once: bool = False,
    ) -> None:
        self.patience = patience
        self._folder, self._facts, self._uri = folder, facts, uri
        self._last, self._at_once = last, at_once
        self._courier: Courier | None = None

    def __enter__(self) -> Journal:
        """Begin; return the run's journal."""
        facts = self._facts
        if self._uri:
            from noise_exp.tracking.ready import user

            tags = {**facts.tags, "mlflow.user": user()}
            facts = dataclasses.replace(facts, uri=masked(self._uri), tags=tags)
        self.journal = Journal.start(self._folder, facts)
        if self._uri:
            self._tell(self._uri)
        return self.journal

    def _tell(self, uri: str) -> None:
        from noise_exp.tracking.courier import Courier
        from noise_exp.tracking.delivery import reason

        self._courier = Courier(self.journal, uri)
        if not self._at_once:
            self._courier.start()
            return
        try:
            self._courier.first()
        except Exception as error:
            self.journal.end("FAILED")
            self.journal.release()
            raise UserError(
                f"the tracking store {masked(uri)} takes no run: {reason(error)}"
            ) from None
        except BaseException as error:  # the store may have the run already
            self.hurry()
            self._courier.start()
            self.__exit__(type(error), error, None)
            raise

    def hurry(self) -> None:
        """Have little patience at the end: whoever interrupted the run is waiting."""
        self.patience = min(self.patience, _HASTE)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End by what has happened, unless the journal is ended already; deliver; let go."""
        try:
            if self.journal.facts.status == "RUNNING":
                self._end(error)
            told = not self._courier or self._courier.close(self.patience, self._last)
        finally:
            self.journal.release()
        if self._last and not (told or error):
            raise ToldError

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
