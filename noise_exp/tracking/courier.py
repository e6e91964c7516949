"""A thread that delivers a run to its store while the run goes on."""

import logging
import shlex
import threading
import time

from noise_exp.records.journal import Journal
from noise_exp.tracking.delivery import Delivery, RefusedError, reason

_SEND_SECONDS = 3.0  # fewer, larger calls take less from training
_RETRY_SECONDS = (1.0, 10.0)

log = logging.getLogger(__name__)


class Courier:
    """Delivers a journal from a thread of its own, so that a store never holds up training.

    Parameters
    ----------
    journal
        The run's record, begun.
    uri
        The store.
    """

    def __init__(self, journal: Journal, uri: str) -> None:
        self._journal = journal
        self._delivery = Delivery(journal, uri)
        self._closing = threading.Event()
        self._stopped = False
        self._failed_since: float | None = None
        self._refused: str | None = None
        self._thread = threading.Thread(target=self._work, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver, if it has not begun."""
        if not self._thread.is_alive():
            self._thread.start()

    def first(self) -> None:
        """Make the run in the store now, then go on in the background.

        Raises
        ------
        Exception
            If the store cannot be reached, fails, or will not take it.
        """
        self._delivery.send()
        self.start()

    def close(self, patience: float, last: bool = True) -> bool:
        """Deliver the rest of an ended run; return whether the store has all of it.

        Parameters
        ----------
        patience
            How many seconds to go on trying while the store fails.
        last
            Whether nobody will try after this, so that the user has to know.
        """
        self._closing.set()
        closed = time.monotonic()
        while self._thread.is_alive():
            self._thread.join(0.05)
            since = self._failed_since
            if since is not None and time.monotonic() - max(since, closed) >= patience:
                # Whoever delivers the rest must not meet this thread: it ends with its call.
                self._stopped = True
        if last and not self._delivery.done:
            log.warning(
                "The tracking store %s; what it does not know yet is kept in %s. Deliver it with\n"
                "    python -m noise_exp.tracking sync %s",
                f"refuses the run ({self._refused})" if self._refused else "fails",
                self._journal.folder,
                shlex.quote(str(self._journal.folder)),
            )
        return self._delivery.done

    def _work(self) -> None:
        pause = _RETRY_SECONDS[0]
        while not (self._delivery.done or self._stopped):
            last = self._closing.is_set()
            try:
                self._delivery.send()
            except RefusedError as error:
                self._refused = str(error)
                self._failed_since = self._failed_since or time.monotonic()
                if last:
                    return
                self._closing.wait()  # at the end once more: the store may have been mended
                continue
            except Exception as error:
                if self._failed_since is None:
                    log.warning(
                        "The tracking store fails (%s); training goes on, and its records are "
                        "kept in %s",
                        reason(error),
                        self._journal.folder,
                    )
                self._failed_since = self._failed_since or time.monotonic()
                self._pause(pause)
                pause = min(2 * pause, _RETRY_SECONDS[1])
                continue
            if self._failed_since is not None:
                log.info("The tracking store works again")
            self._failed_since, self._refused, pause = None, None, _RETRY_SECONDS[0]
            self._closing.wait(_SEND_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Wait before a retry; a run that is ending wants to know soon."""
        if not self._closing.wait(seconds):
            return
        time.sleep(min(seconds, 0.5))
