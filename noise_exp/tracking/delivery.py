"""From a run's journal to MLflow: in the background while it runs, or by a command later.

Whatever is sent may be sent again without harm, after a failure or in another process: the run
is found by its `uid` before it is made anew, and MLflow keeps one copy of a metric of the same
key, value, step and time, of a param, a tag, an input and a file.
"""

import contextlib
import json
import logging
import platform
import threading
import time
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from noise_exp.journal import Journal

HEARTBEAT_SECONDS = 10.0
_SEND_SECONDS = 3.0  # fewer, larger calls take less from training
_METRICS_PER_CALL = 1000
_RETRY_SECONDS = (1.0, 10.0)

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The store answers, and will not take it: trying again is of no use."""


class Delivery:
    """What one journal owes to its store.

    Parameters
    ----------
    journal
        The run's record.
    uri
        The store, with its password if it has one.
    resumed
        Whether another process may have begun to deliver.
    """

    def __init__(self, journal: Journal, uri: str, resumed: bool = False) -> None:
        self._journal = journal
        self._uri = uri
        self._client: MlflowClient | None = None
        self._perhaps_there = resumed
        self._described = False
        self._position = 0
        self._last_beat = 0.0

    @property
    def done(self) -> bool:
        """Whether the run has ended and the store knows all of it."""
        return self._journal.facts.delivered

    def send(self) -> None:
        """Send all that is owed now; what fails is still owed.

        Raises
        ------
        RefusedError
            If the store will not take it.
        Exception
            If the store cannot be reached, or fails.
        """
        try:
            self._send()
        except MlflowException as error:
            if 400 <= error.get_http_status_code() < 500 and error.error_code not in _PASSING:
                raise RefusedError(reason(error)) from None
            raise

    def _send(self) -> None:
        self._client = self._client or MlflowClient(self._uri)
        facts = self._journal.facts
        ended = facts.status != "RUNNING"  # read first: all epochs of an ended run are written
        run_id = facts.run_id or self._create()
        self._beat(run_id)
        if not self._described:
            self._describe(run_id)
        self._send_epochs(run_id)
        if ended:
            self._send_end(run_id)

    def _beat(self, run_id: str) -> None:
        """Give a sign of life if one is due; between all calls that may take long."""
        assert self._client
        if time.monotonic() - self._last_beat > HEARTBEAT_SECONDS:
            self._client.set_tag(run_id, "heartbeat", _heartbeat())
            self._last_beat = time.monotonic()

    def _create(self) -> str:
        assert self._client
        facts = self._journal.facts
        found: list[Run] = []
        if self._perhaps_there:  # an earlier attempt may have got through without an answer
            found = self._client.search_runs(
                [facts.experiment_id], f"tags.uid = '{facts.uid}'", max_results=1
            )
        self._perhaps_there = True
        if found:
            run_id = found[0].info.run_id
        else:
            tags = facts.tags | {"uid": facts.uid, "heartbeat": _heartbeat()}
            run = self._client.create_run(facts.experiment_id, facts.start_time, tags, facts.name)
            run_id = run.info.run_id
            self._last_beat = time.monotonic()
        self._remember(run_id=run_id)
        return run_id

    def _describe(self, run_id: str) -> None:
        assert self._client
        facts = self._journal.facts
        params = [Param(key, value) for key, value in facts.params.items()]
        if params:
            self._client.log_batch(run_id, params=params)
        if facts.dataset:
            name, digest, source, sizes = facts.dataset.values()
            dataset = Dataset(name, digest, "local", source, profile=json.dumps(sizes))
            tags = [InputTag("mlflow.data.context", "+".join(sizes))]
            self._client.log_inputs(run_id, [DatasetInput(dataset, tags)])
        self._described = True

    def _send_epochs(self, run_id: str) -> None:
        assert self._client
        lines, position = self._journal.epochs(self._position)
        metrics = [
            Metric(key, line[key], line["time"], line["epoch"])
            for line in lines
            for key in ("cost", "train_error_rate", "forward_passes", "train_seconds")
            if line[key] is not None  # NaN and infinity break the UI's page of the run
        ]
        for i in range(0, len(metrics), _METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=metrics[i : i + _METRICS_PER_CALL])
            self._beat(run_id)
        self._position = position

    def _send_end(self, run_id: str) -> None:
        assert self._client
        facts = self._journal.facts
        end_time = facts.end_time or facts.start_time
        metrics = [Metric(key, value, end_time, 0) for key, value in facts.metrics.items()]
        metrics += [
            Metric(key, value, end_time, step)
            for key, values in facts.series.items()
            for step, value in enumerate(values)
            if value is not None
        ]
        self._client.log_batch(
            run_id,
            metrics=metrics,
            tags=[RunTag(key, value) for key, value in facts.tags.items()],
        )
        files = sorted(self._journal.artifacts.glob("*"))
        for path in (*files, *(self._journal.folder / name for name in facts.files)):
            self._client.log_artifact(run_id, str(path))
            self._beat(run_id)
        self._client.set_terminated(run_id, facts.status, end_time)
        self._remember(delivered=True)
        self._journal.clear_artifacts()

    def _remember(self, **changes: Any) -> None:
        # Where the disk is full, a later process asks the store instead.
        with contextlib.suppress(OSError):
            self._journal.update(**changes)


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
        """Begin to deliver."""
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
                self._journal.folder,
            )
        return self._delivery.done

    def _work(self) -> None:
        pause = _RETRY_SECONDS[0]
        while not (self._delivery.done or self._stopped):
            try:
                self._delivery.send()
            except RefusedError as error:
                self._refused = str(error)
                self._failed_since = self._failed_since or time.monotonic()
                return
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
            self._failed_since, pause = None, _RETRY_SECONDS[0]
            self._closing.wait(_SEND_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Wait before a retry; a run that is ending wants to know soon."""
        if not self._closing.wait(seconds):
            return
        time.sleep(min(seconds, 0.5))


def sync(folder: Path, uri: str) -> str:
    """Deliver what the run in `folder` still owes; one that died unseen becomes KILLED.

    Returns
    -------
    "alive" if the run's process still lives and delivers by itself, or may do so on another
    machine; "nothing" if nothing was owed; else "delivered".

    Raises
    ------
    Exception
        If the record cannot be read, or the store cannot be reached or refuses.
    """
    facts = Journal.load(folder).facts
    if facts.delivered or facts.uri is None:
        return "nothing"
    if facts.status == "RUNNING" and facts.tags.get("host") != platform.node():
        return "alive"  # a lock says nothing of another machine's processes
    with Journal.claim(folder) as journal:
        if journal is None:
            return "alive"
        if journal.facts.delivered:  # it ended between the two
            return "nothing"
        if journal.facts.status == "RUNNING":
            journal.end_unseen()
        Delivery(journal, uri, resumed=True).send()
    return "delivered"


_PASSING = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE", "RESOURCE_CONFLICT")


def reason(error: BaseException) -> str:
    """Return the first sentence of what is at the bottom of an error."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0][:200]


def _heartbeat() -> str:
    return str(int(time.time()))
