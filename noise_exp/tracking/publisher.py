"""A thread that delivers the runs of this process to their store, so that none waits for it.

A run that goes on is sent every few seconds. One that has ended is delivered while the next goes
on. Its lock is held until then, so that one process alone is at it; if the process dies, all is in
the run's folder, for whoever looks there next.
"""

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient

from noise_exp.records.journal import Journal
from noise_exp.tracking.delivery import Delivery, RefusedError
from noise_exp.tracking.failures import reason
from noise_exp.tracking.living import settle
from noise_exp.tracking.ready import connect

_SEND_SECONDS = 3.0  # fewer, larger calls take less from training
_RETRY_SECONDS = (1.0, 10.0)
_WAITED_FOR_SECONDS = 0.5  # between two tries while somebody waits
_GRACE_SECONDS = 2.0  # for an answer, whatever patience is left
_MOST_ENDED = 64  # whose locks are held; each is an open file

log = logging.getLogger(__name__)
T = TypeVar("T")


class Publisher:
    """Delivers to one store; `publisher` returns this process's.

    Others wait for it with patience, in seconds: all the time in which somebody waits and no answer
    comes, or a call fails, counts against it, so that whoever waits next has what is left. A call
    that is answered in the end costs nothing.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._runs: dict[Journal, Delivery | None] = {}
        self._left: set[Journal] = set()
        self._folders: dict[Path, str] = {}  # of other processes' runs, and why they are still owed
        self._refused: dict[Path, str] = {}
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wake, self._moved = threading.Event(), threading.Event()
        self._since: float | None = None  # the last answer, while another is owed
        self._waits_since = math.inf
        self._lost = 0.0
        self._fails = False
        self._why = ""
        threading.Thread(target=self._work, name="publisher", daemon=True).start()

    @cached_property
    def _client(self) -> MlflowClient:  # made by the thread: that of a database connects
        return connect(self._uri)

    def publish(self, journal: Journal) -> None:
        """Deliver a run to its end, and let go of its lock then."""
        ended = [other for other in list(self._runs) if _ended(other)]
        self._left.update(ended[:-_MOST_ENDED])
        self._runs.setdefault(journal, None)
        self.nudge()

    def first(self, journal: Journal, patience: float) -> None:
        """Make a run in the store now, and publish it.

        Raises
        ------
        Exception
            If the store fails, does not answer, or will not take it.
        """

        def send() -> None:
            delivery = Delivery(journal, self._client)
            for _ in delivery.send():
                pass
            self._runs[journal] = delivery

        self.ask(send, patience)

    def take(self, folder: Path) -> None:
        """Deliver what is left in a folder, once no other process is at it."""
        if folder not in {run.folder for run in list(self._runs) if run not in self._left}:
            self._folders.setdefault(folder, "")

    def let_go(self, journal: Journal) -> None:
        """Leave a run to others."""
        self._left.add(journal)
        self._wake.set()

    def nudge(self) -> None:
        """Look at the runs now, unless the store fails."""
        if not self._fails:
            self._wake.set()

    def wait(self, patience: float, deadline: float = math.inf) -> dict[Path, str]:
        """Wait until all that has ended is delivered; return what is still owed, and why.

        `deadline`, of `time.monotonic`, is for a store that answers, too.
        """
        self._until(lambda: not self._owed(), patience, deadline)
        return {**self._refused, **self._owed()}

    def ask(self, call: Callable[[], T], patience: float) -> T:
        """Return what a call to the store returns.

        Raises
        ------
        TimeoutError
            If it does not.
        Exception
            What it raises.
        """
        future: Future[T] = Future()
        self._calls.append((call, future))
        if not self._until(future.done, patience):
            future.cancel()
            raise TimeoutError(self._reason)
        return future.result()

    @property
    def _reason(self) -> str:
        return self._why or "it does not answer"

    def _owed(self) -> dict[Path, str]:
        owed = {journal.folder: self._reason for journal in list(self._runs) if _ended(journal)}
        return owed | {folder: why or self._reason for folder, why in list(self._folders.items())}

    def _until(self, done: Callable[[], bool], patience: float, deadline: float = math.inf) -> bool:
        """Wait until something is done; return False if patience ends before."""
        self._waits_since = time.monotonic()
        self._wake.set()
        try:
            while not done():
                lost = self._lost_now()
                spent = self._lost + lost >= patience and (self._fails or lost >= _GRACE_SECONDS)
                if spent or time.monotonic() >= deadline:
                    self._lost, self._fails = self._lost + lost, True
                    return False
                self._moved.wait(0.05)
                self._moved.clear()
            return True
        finally:
            self._waits_since = math.inf

    def _lost_now(self) -> float:
        """Return for how long somebody has waited since the last answer."""
        since = time.monotonic() if self._since is None else self._since
        return max(0.0, time.monotonic() - max(since, self._waits_since))

    def _work(self) -> None:
        pause = _RETRY_SECONDS[0]
        while True:
            self._wake.clear()
            self._since = self._since or time.monotonic()
            try:
                for _ in self._round():
                    self._works()
                    self._since = time.monotonic()
                    self._beat()
            except Exception as error:
                if not self._why:
                    log.warning(
                        "The tracking store fails (%s); what it does not know yet is kept in the "
                        "folders of the runs",
                        reason(error),
                    )
                self._why, self._fails = reason(error), True
                seconds, pause = pause, min(2 * pause, _RETRY_SECONDS[1])
            else:
                if self._why:
                    log.info("The tracking store works again")
                self._works()
                self._since = self._since if self._owed() else None
                self._lost = self._lost if self._runs or self._folders else 0.0
                self._why, seconds, pause = "", _SEND_SECONDS, _RETRY_SECONDS[0]
            self._moved.set()
            waited_for = self._waits_since < math.inf
            self._wake.wait(min(seconds, _WAITED_FOR_SECONDS) if waited_for else seconds)

    def _works(self) -> None:
        """Count what was lost before a call that was answered."""
        if self._fails:
            self._lost += self._lost_now()
        self._fails = False
        self._moved.set()

    def _beat(self) -> None:
        """Give the runs' signs of life between the calls of one that takes long."""
        for journal, delivery in list(self._runs.items()):
            if delivery and journal.folder not in self._refused:
                delivery.beat()

    def _round(self) -> Iterator[None]:
        """Do what is to be done, and yield after each answer."""
        while self._calls:
            call, future = self._calls.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except Exception as error:
                    self._fails = True
                    future.set_exception(error)
                else:
                    yield
        for journal in self._left & self._runs.keys():
            self._drop(journal)
        for journal in sorted(self._runs, key=_ended):
            yield from self._send(journal)
        for folder in list(self._folders):
            try:
                outcome = yield from settle(folder, self._client)
            except RefusedError as error:
                self._refused[folder], outcome = str(error), "refused"
            except Exception as error:
                self._folders[folder] = reason(error)
                self._folders = {**self._folders, folder: self._folders.pop(folder)}
                raise
            if outcome in ("alive", "elsewhere"):
                self._folders[folder] = "it is still alive"
            else:
                del self._folders[folder]
                yield

    def _send(self, journal: Journal) -> Iterator[None]:
        ended, folder = _ended(journal), journal.folder
        if folder in self._refused and not ended:
            return  # it is asked once more at the end: the store may have been mended
        delivery = self._runs[journal] or Delivery(journal, self._client)
        self._runs[journal] = delivery
        try:
            yield from delivery.send()
            self._refused.pop(folder, None)
        except RefusedError as error:
            self._refused[folder] = str(error)
        except Exception:
            self._runs[journal] = self._runs.pop(journal)  # the others first, next time
            raise
        if ended:
            self._drop(journal)

    def _drop(self, journal: Journal) -> None:
        del self._runs[journal]
        self._left.discard(journal)
        journal.release()


@cache
def _of_process(uri: str, pid: int) -> Publisher:  # noqa: ARG001
    return Publisher(uri)


def publisher(uri: str) -> Publisher:
    """Return what delivers to a store in this process; a fork has none of its parent's threads."""
    return _of_process(uri, os.getpid())


def _ended(journal: Journal) -> bool:
    return journal.facts.status != "RUNNING"
