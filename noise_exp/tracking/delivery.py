"""From a run's journal to MLflow: in the background while it runs, or by a command later.

Whatever is sent may be sent again without harm, after a failure or in another process: the run
is found by its `uid` before it is made anew, and MLflow keeps one copy of a metric of the same
key, value, step and time, of a param, a tag, an input and a file.
"""

import contextlib
import json
import logging
import re
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModel,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException, RestException

from noise_exp.records.facts import Facts
from noise_exp.records.journal import Journal
from noise_exp.records.machine import is_here
from noise_exp.records.record import CURVES
from noise_exp.redaction import redacted
from noise_exp.tracking import model

for _noisy in ("alembic", "mlflow", "urllib3"):  # after MLflow's import, which sets it too
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)  # failures are told in our own words

HEARTBEAT_SECONDS = 10.0
_METRICS_PER_CALL = 1000


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
        self._perhaps_there = self._perhaps_model = resumed
        self._described = False
        self._position = 0
        self._last_beat = 0.0

    @cached_property
    def _client(self) -> MlflowClient:
        return MlflowClient(self._uri)

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
            if _is_final(error):
                raise RefusedError(reason(error)) from None
            raise

    def _send(self) -> None:
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
        if time.monotonic() - self._last_beat > HEARTBEAT_SECONDS:
            self._client.set_tag(run_id, "heartbeat", _heartbeat())
            self._last_beat = time.monotonic()

    def _create(self) -> str:
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
            tags = _tags(facts) | {"uid": facts.uid, "heartbeat": _heartbeat()}
            run = self._client.create_run(facts.experiment_id, facts.start_time, tags, facts.name)
            run_id = run.info.run_id
            self._last_beat = time.monotonic()
        self._remember(run_id=run_id)
        return run_id

    def _describe(self, run_id: str) -> None:
        facts = self._journal.facts
        params = [Param(key, value) for key, value in facts.params.items()]
        if params:
            self._client.log_batch(run_id, params=params)
        if facts.dataset:
            known = facts.dataset
            dataset = Dataset(
                known.name, known.digest, "local", known.source, profile=json.dumps(known.sizes)
            )
            tags = [InputTag("mlflow.data.context", "+".join(known.sizes))]
            self._client.log_inputs(run_id, [DatasetInput(dataset, tags)])
        self._described = True

    def _send_epochs(self, run_id: str) -> None:
        lines, position = self._journal.epochs(self._position)
        metrics = [
            Metric(key, line[key], line["time"], line["epoch"])
            for line in lines
            for key in CURVES
            if line[key] is not None  # NaN and infinity break the UI's page of the run
        ]
        for i in range(0, len(metrics), _METRICS_PER_CALL):
            self._client.log_batch(run_id, metrics=metrics[i : i + _METRICS_PER_CALL])
            self._beat(run_id)
        self._position = position

    def _send_end(self, run_id: str) -> None:
        facts = self._journal.facts
        end_time = facts.end_time or facts.start_time
        artifacts = self._journal.artifacts
        folders = (path.parent for path in artifacts if path.parent.name == model.FOLDER)
        of_model = next(folders, None)
        model_id = self._model(run_id) if of_model else None
        metrics = [
            Metric(key, value, end_time, 0, model_id=model_id)
            for key, value in facts.metrics.items()
        ]
        metrics += [
            Metric(key, value, end_time, step)
            for key, values in facts.series.items()
            for step, value in enumerate(values)
            if value is not None
        ]
        self._client.log_batch(
            run_id,
            metrics=metrics,
            tags=[RunTag(key, value) for key, value in _tags(facts).items()],
        )
        kept = (self._journal.folder / name for name in facts.files)
        for path in (*artifacts, *kept):
            if path.parent != of_model:
                self._client.log_artifact(run_id, str(path))
                self._beat(run_id)
        if model_id:
            self._client.log_model_artifacts(model_id, str(of_model))
            self._client.finalize_logged_model(model_id, "READY")
        self._client.set_terminated(run_id, facts.status, end_time)
        self._remember(delivered=True)
        self._journal.clear_artifacts()

    def _model(self, run_id: str) -> str:
        """Return the id of the run's model, made and put beside the run where it is missing."""
        facts, client = self._journal.facts, self._client
        linked: list[str] = []
        found: list[LoggedModel] = []
        if self._perhaps_model:
            linked = model.models_of(client.get_run(run_id))
            found = client.search_logged_models(
                [facts.experiment_id], f"source_run_id = '{run_id}'", max_results=1
            )
        self._perhaps_model = True
        if found:
            model_id = found[0].model_id
        else:
            made = client.create_logged_model(
                facts.experiment_id, model.FOLDER, run_id, params=dict(facts.params)
            )
            model_id = made.model_id
        if model_id not in linked:
            client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
        return model_id

    def _remember(self, **changes: Any) -> None:
        # Where the disk is full, a later process asks the store instead.
        with contextlib.suppress(OSError):
            self._journal.update(**changes)


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
    if facts.status == "RUNNING" and not is_here(facts.tags.get("host", "")):
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
_GIST_LENGTH = 200
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_CURE = re.compile(r"\bmlflow [a-z]|\bMLFLOW_[A-Z_]+=")
_NOT_JSON = "API request to "  # how MLflow begins to tell of an answer that is not its server's


def _is_final(error: MlflowException) -> bool:
    """Whether MLflow itself has refused; what stands before a server may answer 4xx as well."""
    if isinstance(error, RestException):
        own = isinstance(error.json.get("error_code"), str)
    else:
        own = not error.message.startswith(_NOT_JSON)
    return own and 400 <= error.get_http_status_code() < 500 and error.error_code not in _PASSING


def reason(error: BaseException) -> str:
    """Return the gist of what is at the bottom of an error, without secrets."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return gist(error)


def gist(error: BaseException) -> str:
    """Return an error's first sentence, and those that name a command or a setting of MLflow."""
    text = redacted(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
    first, *more = _SENTENCES.split(text)
    told = [first.removesuffix(".")[:_GIST_LENGTH]]
    told += [sentence.removesuffix(".") for sentence in more if _CURE.search(sentence)]
    return ". ".join(told)


def _tags(facts: Facts) -> dict[str, str]:
    """Return a run's tags, with those that MLflow has names of its own for."""
    told = {
        "mlflow.source.name": facts.command,
        "mlflow.source.type": "LOCAL" if facts.command else None,
        "mlflow.note.content": facts.note,
        "mlflow.parentRunId": facts.parent_id,
    }
    return {**facts.tags, **{key: value for key, value in told.items() if value is not None}}


def _heartbeat() -> str:
    return str(int(time.time()))
