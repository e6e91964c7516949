"""From a run's journal to MLflow: in the background while it runs, or by a command later.

Whatever is sent may be sent again without harm, after a failure or in another process: the run
is found by its `uid` before it is made anew, and MLflow keeps one copy of a metric of the same
key, value, step and time, of a param, a tag, an input and a file. What is gone, or what the store
will not take, is named and left out: the rest does not wait for it.
"""

import contextlib
import json
import logging
import math
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
)
from mlflow.exceptions import MlflowException
from requests import HTTPError

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import DataSet, is_curve
from noise_exp.tracking import model
from noise_exp.tracking.failures import is_final, is_of_content, reason
from noise_exp.tracking.internals import HEARTBEAT_SECONDS

Item = Metric | Param | RunTag
_BATCH = {Metric: 800, Param: 100, RunTag: 100}  # as many as MLflow takes in one call
_SHORT, _TAG_LENGTH = 250, 5000  # characters of a tag

log = logging.getLogger(__name__)


class RefusedError(Exception):
    """The store answers, and will not take the run: trying again is of no use."""


class Delivery:
    """What one journal owes to its store.

    Parameters
    ----------
    journal
        The run's record.
    client
        Of the store.
    again
        Whether an earlier attempt may have got through without an answer.

    Attributes
    ----------
    left_out
        What stays behind, and why.
    """

    def __init__(self, journal: Journal, client: MlflowClient, again: bool = False) -> None:
        self.left_out: dict[str, str] = {}
        self._journal, self._client, self._again = journal, client, again
        self._described = False
        self._position = 0
        self._last_beat = 0.0

    @property
    def _run_id(self) -> str:
        return self._journal.record.run_id or ""

    def beat(self) -> None:
        """Give a sign of life of a run that the store has and that goes on, if one is due."""
        due = time.monotonic() - self._last_beat > HEARTBEAT_SECONDS
        if due and self._run_id and not self._journal.ended:
            with _refusals():
                self._client.set_tag(self._run_id, "heartbeat", _now())
            self._last_beat = time.monotonic()

    def send(self) -> None:
        """Send all that is owed now; what fails is still owed.

        Raises
        ------
        RefusedError
            If the store will not take the run.
        Exception
            If the store cannot be reached, or fails.
        """
        self.beat()
        again, self._again = self._again, True
        with _refusals():
            self._send(again)
        self._again = False

    def _send(self, again: bool) -> None:
        ended = self._journal.ended  # read first: all epochs of an ended run are written
        if not self._run_id or (again and not self._is_known()):
            self._create(again)
        record = self._journal.record
        lines, position = self._journal.epochs(self._position)
        items: list[Item] = [
            Metric(key, value, line["time"], line["epoch"])
            for line in lines
            for key, value in line.items()
            if is_curve(key) and value is not None
        ]
        if not self._described:
            items += [Param(key, value) for key, value in record.params.items()]
            items += self._tags()
            if record.dataset:
                what = f"data set {record.dataset.name}"
                self._try(what, self._client.log_inputs, self._run_id, [_input(record.dataset)])
        folder = self._folder_of_model() if ended else None
        model_id = self._model(again) if folder else None
        if ended:
            items += [*self._results(model_id), *self._tags()]
        for batch in _batches(items):
            self._log(batch)
        self._described, self._position = True, position
        if ended:
            self._files()
            if folder and model_id:
                self._try("model", self._client.log_model_artifacts, model_id, str(folder))
                whole = "model" not in self.left_out
                self._client.finalize_logged_model(model_id, "READY" if whole else "FAILED")
            self._end()

    def _is_known(self) -> bool:
        """Whether the store has the run: another may have come in the place of one that is gone."""
        try:
            self._client.get_run(self._run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        return True

    def _create(self, again: bool) -> None:
        """Make the run, or find it, with all tags but long ones: a refusal would cost it whole."""
        record, where = self._journal.record, self._journal.owed.experiment_id
        same = f"tags.uid = '{record.uid}'"
        found = self._client.search_runs([where], same, max_results=1) if again else []
        tags = {tag.key: tag.value for tag in self._tags() if len(tag.value) <= _SHORT}
        tags |= {"uid": record.uid, "heartbeat": _now()}
        run = found[0] if found else self._client.create_run(
            where, record.start_time, tags, record.name
        )  # fmt: skip
        self._last_beat, self._described, self._position = time.monotonic(), False, 0
        self._remember(run_id=run.info.run_id)

    def _tags(self) -> list[RunTag]:
        """Return the run's tags, with those that MLflow has names of its own for."""
        record = self._journal.record
        special = {
            "mlflow.source.name": record.command,
            "mlflow.source.type": "LOCAL" if record.command else None,
            "mlflow.note.content": record.note,
            "mlflow.parentRunId": record.parent_id,
        }
        return [RunTag(k, v) for k, v in {**record.tags, **special}.items() if v is not None]

    def _results(self, model_id: str | None) -> list[Metric]:
        """Return what an ended run came to; NaN and infinity would break the UI's page of it."""
        record = self._journal.record
        end = record.end_time or record.start_time
        found = [Metric(k, v, end, 0, model_id=model_id) for k, v in record.metrics.items()]
        for key, values in self._journal.owed.series.items():
            found += [Metric(key, v, end, i) for i, v in enumerate(values) if v is not None]
        return [metric for metric in found if math.isfinite(metric.value)]

    def _log(self, batch: Sequence[Any]) -> None:
        """Log one call's; where that is refused each by itself."""
        try:
            self._client.log_batch(self._run_id, *batch)
        except MlflowException as error:
            if not is_of_content(error):
                raise
            items = [item for part in batch for item in part]
            if len(items) == 1:
                kind = type(items[0]).__name__.removeprefix("Run").lower()
                self._leave_out(f"{kind} {items[0].key}", error)
            else:
                for item in items:
                    self._log(*_batches([item]))

    def _files(self) -> None:
        kept = (self._journal.folder / name for name in self._journal.owed.files)
        for path in (*self._journal.artifacts, *kept):
            if path.parent.name != model.FOLDER and not self._lacks(path, path.name):
                self._try(path.name, self._client.log_artifact, self._run_id, str(path))

    def _folder_of_model(self) -> Path | None:
        """Return the folder of the run's model; None if it has none, or not the whole of one."""
        files = [path for path in self._journal.artifacts if path.parent.name == model.FOLDER]
        lacking = [path for path in files if self._lacks(path, f"model: {path.name}")]
        return files[0].parent if files and not lacking else None

    def _model(self, again: bool) -> str | None:
        """Return the id of the run's model, made and put beside the run where it is missing."""
        client, where = self._client, self._journal.owed.experiment_id
        linked: list[str] = []
        found: Sequence[Any] = ()
        if again:
            linked = model.models_of(client.get_run(self._run_id))
            of_run = f"source_run_id = '{self._run_id}'"
            found = client.search_logged_models([where], of_run, max_results=1)
        made = found[0] if found else self._try(
            "model", client.create_logged_model, where, model.FOLDER, self._run_id, None,
            dict(self._journal.record.params),
        )  # fmt: skip
        if made and made.model_id not in linked:
            client.log_outputs(self._run_id, [LoggedModelOutput(made.model_id, step=0)])
        return made.model_id if made else None

    def _end(self) -> None:
        record = self._journal.record
        if self.left_out:
            text = "; ".join(f"{what} ({why})" for what, why in self.left_out.items())
            self._client.set_tag(self._run_id, "left_out", text[:_TAG_LENGTH])
        end = record.end_time or record.start_time
        self._client.set_terminated(self._run_id, record.status, end)
        if self._remember(delivered=True):
            self._journal.clear_artifacts()

    def _try(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call; what the store will not take is left out."""
        try:
            return call(*arguments)
        except (MlflowException, HTTPError) as error:
            if not is_of_content(error):
                raise
            self._leave_out(what, error)
            return None

    def _lacks(self, path: Path, what: str) -> bool:
        """Whether a file is gone, or cannot be read, and so left out."""
        try:
            with path.open("rb") as file:
                # After a power cut a file may be there without its content.
                if path.name == model.WEIGHTS and not zipfile.is_zipfile(file):
                    raise OSError("it is damaged")
        except OSError as error:
            self._leave_out(what, error)
            return True
        return False

    def _leave_out(self, what: str, error: Exception) -> None:
        """Name what stays behind; a run that was deleted in the store takes nothing at all."""
        if self._client.get_run(self._run_id).info.lifecycle_stage != "active":
            raise RefusedError(f"run {self._run_id} was deleted there; restore it") from None
        why = getattr(error, "strerror", None) or reason(error)
        if self.left_out.get(what) != why:
            self.left_out[what] = why
            log.warning("Not in the store: %s of %s (%s)", what, self._journal.folder, why)

    def _remember(self, **changes: Any) -> bool:
        try:
            self._journal.update(**changes)
        except OSError:  # the disk is full: a later process asks the store instead
            return False
        return True


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if is_final(error):
            raise RefusedError(reason(error)) from None
        raise


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Any]]:
    """Divide items among as few calls as MLflow allows: metrics, params and tags of each."""
    parts = []
    for kind, size in _BATCH.items():
        own = [item for item in items if isinstance(item, kind)]
        parts.append([own[i : i + size] for i in range(0, len(own), size)])
    return zip_longest(*parts, fillvalue=())


def _input(known: DataSet) -> DatasetInput:
    """Return what a run was trained and tested on."""
    profile = json.dumps(known.sizes)
    dataset = Dataset(known.name, known.digest, "local", known.source, profile=profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "+".join(known.sizes))])


def _now() -> str:
    """Return a sign of life."""
    return str(int(time.time()))
