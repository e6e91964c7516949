"""From a run's journal to MLflow: in the background while it runs, or by a command later.

Whatever is sent may be sent again without harm, after a failure or in another process: the run
is found by its `uid` before it is made anew, and MLflow keeps one copy of a metric of the same
key, value, step and time, of a param, a tag, an input and a file. What is gone, or what the store
will not take, is named and left out: the rest does not wait for it.
"""

import contextlib
import logging
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, Param, Run
from mlflow.exceptions import MlflowException
from requests import HTTPError

from noise_exp.records.journal import Journal
from noise_exp.tracking import entities, model
from noise_exp.tracking.entities import Item
from noise_exp.tracking.failures import is_final, is_of_content, reason
from noise_exp.tracking.internals import HEARTBEAT_SECONDS

_SHORT, _TAG_LENGTH = 250, 5000  # characters of a tag

log = logging.getLogger(__name__)
T = TypeVar("T")


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
    journal
        As given.
    left_out
        What stays behind, and why.
    """

    def __init__(self, journal: Journal, client: MlflowClient, again: bool = False) -> None:
        self.journal = journal
        self.left_out: dict[str, str] = {}
        self._client = client
        self._again = again
        self._described = False
        self._position = 0
        self._last_beat = 0.0

    @property
    def _run_id(self) -> str:
        return self.journal.record.run_id or ""

    def beat(self) -> None:
        """Give a sign of life of a run that the store has and that goes on, if one is due."""
        due = time.monotonic() - self._last_beat > HEARTBEAT_SECONDS
        if due and self._run_id and not self.journal.ended:
            with _refusals():
                self._client.set_tag(self._run_id, "heartbeat", entities.heartbeat())
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
        try:
            with _refusals():
                self._send()
        except Exception:
            self._again = True
            raise
        self._again = False

    def _send(self) -> None:
        ended = self.journal.ended  # read first: all epochs of an ended run are written
        if not self._run_id or (self._again and not self._is_known()):
            self._create()
        record = self.journal.record
        lines, position = self.journal.epochs(self._position)
        items = entities.of_epochs(lines)
        if not self._described:
            items += [Param(key, value) for key, value in record.params.items()]
            items += entities.tags_of(record)
            if record.dataset:
                inputs = [entities.data_set(record.dataset)]
                self._try(f"data set {record.dataset.name}", self._client.log_inputs, self._run_id,
                          inputs)  # fmt: skip
        weights = self._folder_of_model() if ended else None
        model_id = self._model() if weights else None
        if ended:
            items += entities.results(record, self.journal.owed, model_id)
        for batch in entities.batches(items):
            self._log(batch)
        self._described, self._position = True, position
        if ended:
            self._files()
            if weights and model_id:
                self._fill(model_id, weights)
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

    def _create(self) -> None:
        record = self.journal.record
        found: list[Run] = []
        if self._again:
            found = self._client.search_runs(
                [self.journal.owed.experiment_id], f"tags.uid = '{record.uid}'", max_results=1
            )
        # Longer ones are sent later, where one that is refused costs no other.
        tags = {tag.key: tag.value for tag in entities.tags_of(record) if len(tag.value) <= _SHORT}
        tags |= {"uid": record.uid, "heartbeat": entities.heartbeat()}
        run = found[0] if found else self._client.create_run(
            self.journal.owed.experiment_id, record.start_time, tags, record.name
        )  # fmt: skip
        self._last_beat, self._described, self._position = time.monotonic(), False, 0
        self._remember(run_id=run.info.run_id)

    def _log(self, items: Sequence[Item]) -> None:
        """Log one call's; where that is refused each by itself."""
        try:
            metrics, params, tags = entities.by_kind(items)
            self._client.log_batch(self._run_id, metrics, params, tags)
        except MlflowException as error:
            if not is_of_content(error):
                raise
            if len(items) > 1:
                for item in items:
                    self._log([item])
            else:
                kind = type(items[0]).__name__.removeprefix("Run").lower()
                self._leave_out(f"{kind} {items[0].key}", error)

    def _files(self) -> None:
        kept = (self.journal.folder / name for name in self.journal.owed.files)
        for path in (*self.journal.artifacts, *kept):
            if path.parent.name != model.FOLDER and not self._lacks(path, path.name):
                self._try(path.name, self._client.log_artifact, self._run_id, str(path))

    def _folder_of_model(self) -> Path | None:
        """Return the folder of the run's model; None if it has none, or not the whole of one."""
        files = [path for path in self.journal.artifacts if path.parent.name == model.FOLDER]
        lacking = [path for path in files if self._lacks(path, f"model: {path.name}")]
        return files[0].parent if files and not lacking else None

    def _model(self) -> str | None:
        """Return the id of the run's model, made and put beside the run where it is missing."""
        record, client = self.journal.record, self._client
        experiment_id = self.journal.owed.experiment_id
        linked: list[str] = []
        found: list[LoggedModel] = []
        if self._again:
            linked = model.models_of(client.get_run(self._run_id))
            found = client.search_logged_models(
                [self.journal.owed.experiment_id],
                f"source_run_id = '{self._run_id}'",
                max_results=1,
            )
        made = found[0] if found else self._try(
            "model", client.create_logged_model, experiment_id, model.FOLDER, self._run_id,
            None, dict(record.params),
        )  # fmt: skip
        if made and made.model_id not in linked:
            client.log_outputs(self._run_id, [LoggedModelOutput(made.model_id, step=0)])
        return made.model_id if made else None

    def _fill(self, model_id: str, folder: Path) -> None:
        """Give a model its files; without them it is not ready."""
        self._try("model", self._client.log_model_artifacts, model_id, str(folder))
        whole = "model" not in self.left_out
        self._client.finalize_logged_model(model_id, "READY" if whole else "FAILED")

    def _end(self) -> None:
        record = self.journal.record
        if self.left_out:
            told = "; ".join(f"{what} ({why})" for what, why in self.left_out.items())
            self._client.set_tag(self._run_id, "left_out", told[:_TAG_LENGTH])
        self._client.set_terminated(
            self._run_id, record.status, record.end_time or record.start_time
        )
        if self._remember(delivered=True):
            self.journal.clear_artifacts()

    def _try(self, what: str, call: Callable[..., T], *arguments: Any) -> T | None:
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
            log.warning("Not in the store: %s of %s (%s)", what, self.journal.folder, why)

    def _remember(self, **changes: Any) -> bool:
        try:
            self.journal.update(**changes)
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
