"""A thread that delivers the runs of this process to their store, so that none waits for it.

A run that goes on is sent every few seconds. One that has ended is delivered while the next goes
on; its lock is held until then, so that one process alone is at it. If the store fails meanwhile,
or the process dies, all is in the run's folder, for whoever looks there next.
"""

import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache, cached_property, partial
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, cast

from mlflow import MlflowClient

from noise_exp.runs.journal import Journal
from noise_exp.tracking.delivery import Delivery, RefusedError
from noise_exp.tracking.failures import reason
from noise_exp.tracking.internals import connect
from noise_exp.tracking.liveness import settle

_SEND_SECONDS = 3.0  # fewer, larger calls take less from training
_WAITED_FOR_SECONDS = 0.5  # between two tries while somebody waits
_GRACE_SECONDS = 2.0  # for an answer, whatever patience is left

log = logging.getLogger(__name__)
T = TypeVar("T")


class Publisher:
    """Delivers to one store; `publisher` returns this process's.

    One thread at a time waits for it, with patience in seconds. It is spent by waiting for a store
    that fails or does not answer, and whoever waits next has what is left; a call that is answered
    in the end costs nothing, and when nothing is owed any more patience is whole again.
    """

    def __init__(self, uri: str) -> None:
        self._client = cast(MlflowClient, _Answering(uri, self._hear))
        self._runs: dict[Journal, Delivery] = {}
        self._folders: dict[Path, str] = {}  # of other runs that have ended, and what is at them
        self._refused: dict[Path, str] = {}
        self._calls: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._why = ""  # the store fails
        self._fails = False  # its last call
        self._waited_for = False
        self._heard = self._spent = 0.0  # when it answered last, or a wait began; of patience
        self._wake = threading.Event()
        threading.Thread(target=self._work, name="publisher", daemon=True).start()

    def publish(self, journal: Journal) -> None:
        """Deliver a run to its end, and let go of its lock then."""
        self._runs.setdefault(journal, Delivery(journal, self._client))
        self._wake.set()

    def make(self, journal: Journal, patience: float) -> str | None:
        """Publish a run, and wait until the store has it; return why it does not."""
        self.publish(journal)
        self._until(lambda: journal.record.run_id or journal.folder in self._refused, patience)
        return None if journal.record.run_id else self._refused.get(journal.folder, self._reason)

    def take(self, folder: Path) -> None:
        """Deliver what is left in a folder, once no other process is at it."""
        if folder not in {run.folder for run in list(self._runs)}:
            self._folders.setdefault(folder, "")

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
        owed = {journal.folder: self._reason for journal in list(self._runs) if journal.ended}
        return owed | {folder: why or self._reason for folder, why in list(self._folders.items())}

    def _until(self, done: Callable[[], Any], patience: float, deadline: float = math.inf) -> bool:
        """Wait until something is done; return False if patience ends before."""
        self._heard, self._waited_for = time.monotonic(), True
        self._wake.set()
        try:
            while not done():
                now = time.monotonic()
                silent = now - self._heard
                over = self._spent + silent >= patience and (self._fails or silent > _GRACE_SECONDS)
                if over or now >= deadline:
                    self._spent, self._fails = self._spent + silent, True
                    return False
                time.sleep(0.01)
            return True
        finally:
            self._waited_for = False

    def _hear(self) -> None:
        """Count an answer, and what was waited for in vain before it."""
        now = time.monotonic()
        if self._fails and self._waited_for:
            self._spent += now - self._heard
        self._heard, self._fails = now, False

    def _work(self) -> None:
        while True:
            self._wake.clear()
            self._round()
            self._wake.wait(_WAITED_FOR_SECONDS if self._waited_for else _SEND_SECONDS)

    def _round(self) -> None:
        """Do what is to be done: what fails costs nothing else its turn."""
        while self._calls:
            self._answer(*self._calls.popleft())
        failed = False
        runs = sorted(self._runs, key=attrgetter("ended"))
        for deliver in [
            *(partial(self._send, journal) for journal in runs),
            *(partial(self._settle, folder) for folder in list(self._folders)),
        ]:
            try:
                deliver()
            except Exception as error:
                if not self._why:
                    log.warning(
                        "The tracking store fails (%s); what it does not know yet is kept in the "
                        "folders of the runs",
                        reason(error),
                    )
                self._why, self._fails, failed = reason(error), True, True
        if self._why and not failed:
            log.info("The tracking store works again")
            self._why = ""
        if not failed and not self._owed():
            self._spent = 0.0

    def _answer(self, call: Callable[[], Any], future: Future[Any]) -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call())
                self._hear()
            except Exception as error:
                self._fails = True
                future.set_exception(error)

    def _send(self, journal: Journal) -> None:
        ended, folder = journal.ended, journal.folder
        if folder in self._refused and not ended:
            return  # it is asked once more at the end: the store may have been mended
        try:
            self._runs[journal].send()
            self._refused.pop(folder, None)
        except RefusedError as error:
            self._refused[folder] = str(error)
        except Exception:
            if ended:  # others may try, and no file stays open
                self._folders[folder] = ""
            raise
        finally:
            if ended:
                del self._runs[journal]
                journal.release()

    def _settle(self, folder: Path) -> None:
        for journal, delivery in list(self._runs.items()):  # they live while this takes long
            if journal.folder not in self._refused:
                delivery.beat()
        try:
            if settle(folder, lambda: self._client) in ("alive", "elsewhere"):
                self._folders[folder], self._fails = "it is still alive", True
                return
        except RefusedError as error:
            self._refused[folder] = str(error)
        del self._folders[folder]


class _Answering:
    """MLflow's client, which says when it has been answered."""

    def __init__(self, uri: str, hear: Callable[[], None]) -> None:
        self._uri, self._hear = uri, hear

    @cached_property
    def _client(self) -> MlflowClient:  # made by the thread: that of a database connects
        return connect(self._uri)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def answered(*arguments: Any, **options: Any) -> Any:
            result = getattr(self._client, name)(*arguments, **options)
            self._hear()
            return result

        return answered


@cache
def _of_process(uri: str, pid: int) -> Publisher:  # noqa: ARG001
    return Publisher(uri)


def publisher(uri: str) -> Publisher:
    """Return what delivers to a store in this process; a fork has none of its parent's threads."""
    return _of_process(uri, os.getpid())
