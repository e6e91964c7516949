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
from collections.abc import Callable, Generator, Iterator, Sequence
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

HEARTBEAT_SECONDS = 10.0
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
    resumed
        Whether another process may have begun to deliver.

    Attributes
    ----------
    journal
        As given.
    left_out
        What stays behind, and why.
    """

    def __init__(self, journal: Journal, client: MlflowClient, resumed: bool = False) -> None:
        self.journal = journal
        self.left_out: dict[str, str] = {}
        self._client = client
        self._perhaps_there = self._perhaps_model = resumed
        self._described = False
        self._position = 0
        self._stored: set[Path] = set()
        self._last_beat = 0.0

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.journal.facts.status != "RUNNING"

    @property
    def _run_id(self) -> str:
        return self.journal.facts.run_id or ""

    def beat(self) -> None:
        """Give a sign of life of a run that goes on, if one is due."""
        with _refusals():
            self._beat()

    def _beat(self) -> None:
        due = time.monotonic() - self._last_beat > HEARTBEAT_SECONDS
        if due and self._run_id and not self.ended:
            self._client.set_tag(self._run_id, "heartbeat", entities.heartbeat())
            self._last_beat = time.monotonic()

    def send(self) -> Iterator[None]:
        """Send all that is owed now, and yield after each answer; what fails is still owed.

        Raises
        ------
        RefusedError
            If the store will not take the run.
        Exception
            If the store cannot be reached, or fails.
        """
        with _refusals():
            self._beat()
            yield from self._send()

    def _send(self) -> Iterator[None]:
        ended = self.ended  # read first: all epochs of an ended run are written
        if not self._run_id:
            yield from self._create()
        facts = self.journal.facts
        lines, position = self.journal.epochs(self._position)
        items = entities.of_epochs(lines)
        if not self._described:
            items += [Param(key, value) for key, value in facts.params.items()]
            yield from self._input()
        weights = self._folder_of_model() if ended else None
        model_id = (yield from self._model()) if weights else None
        if ended:
            items += entities.results(facts, model_id)
        for batch in entities.batches(items):
            yield from self._log(batch)
        self._described, self._position = True, position
        if ended:
            yield from self._files()
            if weights and model_id:
                yield from self._fill(model_id, weights)
            yield from self._end()

    def _create(self) -> Iterator[None]:
        facts = self.journal.facts
        found: list[Run] = []
        if self._perhaps_there:  # an earlier attempt may have got through without an answer
            found = self._client.search_runs(
                [facts.experiment_id], f"tags.uid = '{facts.uid}'", max_results=1
            )
            yield
        self._perhaps_there = True
        tags = entities.tags(facts) | {"uid": facts.uid, "heartbeat": entities.heartbeat()}
        short = {key: value for key, value in tags.items() if len(value) <= _SHORT}
        try:
            run = found[0] if found else self._make(tags)
        except MlflowException as error:
            if not is_of_content(error) or short == tags:
                raise
            run = self._make(short)  # all are sent at the end, where a refused one costs no other
        self._last_beat = time.monotonic()
        self._remember(run_id=run.info.run_id)
        yield

    def _make(self, tags: dict[str, str]) -> Run:
        facts = self.journal.facts
        return self._client.create_run(facts.experiment_id, facts.start_time, tags, facts.name)

    def _input(self) -> Iterator[None]:
        if known := self.journal.facts.dataset:
            inputs = [entities.data_set(known)]
            self._try(f"data set {known.name}", self._client.log_inputs, self._run_id, inputs)
            yield

    def _log(self, items: Sequence[Item]) -> Iterator[None]:
        """Log one call's; where it is refused each half, down to what is refused by itself."""
        try:
            metrics, params, tags = entities.by_kind(items)
            self._client.log_batch(self._run_id, metrics, params, tags)
        except MlflowException as error:
            if not is_of_content(error):
                raise
            if len(items) == 1:
                kind = type(items[0]).__name__.removeprefix("Run").lower()
                self._leave_out(f"{kind} {items[0].key}", error)
            else:
                yield from self._log(items[: len(items) // 2])
                yield from self._log(items[len(items) // 2 :])
        yield

    def _files(self) -> Iterator[None]:
        kept = (self.journal.folder / name for name in self.journal.facts.files)
        for path in (*self.journal.artifacts, *kept):
            if path.parent.name != model.FOLDER and path not in self._stored:
                if not self._lacks(path, path.name):
                    self._try(path.name, self._client.log_artifact, self._run_id, str(path))
                self._stored.add(path)
                yield

    def _folder_of_model(self) -> Path | None:
        """Return the folder of the run's model; None if it has none, or not the whole of one."""
        files = [path for path in self.journal.artifacts if path.parent.name == model.FOLDER]
        lacking = [path for path in files if self._lacks(path, f"model: {path.name}")]
        return files[0].parent if files and not lacking else None

    def _model(self) -> Generator[None, None, str | None]:
        """Return the id of the run's model, made and put beside the run where it is missing."""
        facts, client = self.journal.facts, self._client
        linked: list[str] = []
        found: list[LoggedModel] = []
        if self._perhaps_model:
            linked = model.models_of(client.get_run(self._run_id))
            found = client.search_logged_models(
                [facts.experiment_id], f"source_run_id = '{self._run_id}'", max_results=1
            )
            yield
        self._perhaps_model = True
        made = found[0] if found else self._try("model", self._make_model)
        if made and made.model_id not in linked:
            client.log_outputs(self._run_id, [LoggedModelOutput(made.model_id, step=0)])
            yield
        return made.model_id if made else None

    def _make_model(self) -> LoggedModel:
        facts = self.journal.facts
        return self._client.create_logged_model(
            facts.experiment_id, model.FOLDER, self._run_id, params=dict(facts.params)
        )

    def _fill(self, model_id: str, folder: Path) -> Iterator[None]:
        """Give a model its files; without them it is not ready."""
        self._try("model", self._client.log_model_artifacts, model_id, str(folder))
        yield
        whole = "model" not in self.left_out
        self._client.finalize_logged_model(model_id, "READY" if whole else "FAILED")
        yield

    def _end(self) -> Iterator[None]:
        facts = self.journal.facts
        if self.left_out:
            told = "; ".join(f"{what} ({why})" for what, why in self.left_out.items())
            self._client.set_tag(self._run_id, "left_out", told[:_TAG_LENGTH])
        self._client.set_terminated(self._run_id, facts.status, facts.end_time or facts.start_time)
        if self._remember(delivered=True):
            self.journal.clear_artifacts()
        yield

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
            raise RefusedError(f"run {self._run_id} was deleted there") from None
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
