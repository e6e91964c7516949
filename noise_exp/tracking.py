"""Everything MLflow: the store, the runs in it, and the command that shows them."""

import csv
import getpass
import io
import logging
import math
import os
import shlex
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import requests
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from noise_exp.errors import UserError
from noise_exp.training import EpochRecord

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
_FLUSH_SECONDS = 1.0
_METRICS_PER_CALL = 1000
_TAG_LENGTH = 5000
_DESCRIPTION = """Noise Training (Jae Duk Seo, 2018): a NumPy network learns MNIST 0 against 1 from
random noise. Each row is a run, or a sweep that opens into its runs; a sweep's own page holds the
comparison of its methods: a table, and figures among the artifacts."""
_SQLITE = "sqlite:///"


class Store:
    """An MLflow tracking store with one experiment, made ready for any number of processes.

    Parameters
    ----------
    uri
        The tracking URI; None for `MLFLOW_TRACKING_URI`, else `DEFAULT_URI`.
    experiment
        Name of the experiment; made if it does not exist.

    Raises
    ------
    UserError
        If the store cannot be opened.
    """

    def __init__(self, uri: str | None, experiment: str) -> None:
        self.uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        try:
            self.client, self.experiment_id = _open(self.uri, experiment)
        except (ImportError, MlflowException, OSError, SQLAlchemyError, sqlite3.Error) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            reason = reason.partition(". ")[0]
            raise UserError(
                f"the tracking store {self.uri} cannot be opened: {reason}; set tracking.uri "
                f"(for example {DEFAULT_URI}) or tracking.enabled=false"
            ) from None

    def start_run(self, name: str, tags: dict[str, str], parent_id: str | None = None) -> "Run":
        """Start a run, nested under `parent_id` if given."""
        tags = {
            "mlflow.source.type": "LOCAL",
            "mlflow.source.name": shlex.join(["python", "-m", "noise_exp", *sys.argv[1:]]),
            "mlflow.user": _user(),
            **tags,
        }
        if parent_id:
            tags["mlflow.parentRunId"] = parent_id
        run = self.client.create_run(self.experiment_id, tags=tags, run_name=name)
        return Run(self.client, run.info.run_id)

    def start_sweep(self, sweep: str, name: str) -> "Run":
        """Start the parent run of a sweep, which `sweep` identifies."""
        return self.start_run(name, {"sweep": sweep, "kind": "sweep"})

    def sweep_parent(self, sweep: str) -> str | None:
        """Return the run id of a sweep's parent run."""
        quoted = sweep.replace("'", "\\'")
        found = self.client.search_runs(
            [self.experiment_id],
            f"tags.kind = 'sweep' and tags.sweep = '{quoted}'",
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        return found[0].info.run_id if found else None

    def ui_hint(self) -> str:
        """Return how to look at the runs: a command, or a server's address."""
        if self.uri.startswith(("http://", "https://")):
            return f"{self.uri.rstrip('/')}/#/experiments/{self.experiment_id}"
        return f"mlflow ui --backend-store-uri {shlex.quote(self.uri)}"


class Run:
    """One MLflow run; as a context manager it ends FINISHED, FAILED or KILLED."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.id = run_id
        self.ended = False
        self._client = client
        self._owed: list[Metric] = []
        self._flushed = time.monotonic()

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.tag(error=f"{type(error).__name__}: {error}"[:_TAG_LENGTH])
            self.log_text("".join(traceback.format_exception(error)), "traceback.txt")
            self.end("FAILED")
        else:
            self.end("KILLED" if error else "FINISHED")

    def end(self, status: str) -> None:
        """Log what is owed and set the final status."""
        self._flush()
        self._client.set_terminated(self.id, status)
        self.ended = True

    def describe(self, params: dict[str, Any], config_yaml: str) -> None:
        """Log flat params, and the whole configuration as an artifact."""
        self._client.log_batch(self.id, params=[Param(k, str(v)) for k, v in params.items()])
        self._client.log_text(self.id, config_yaml, "config.yaml")

    def log_data(self, name: str, digest: str, source: str, sizes: dict[str, int]) -> None:
        """Log the data set as the run's input, once per context (training, test)."""
        dataset = Dataset(name, digest, "local", source, profile=str(sizes).replace("'", '"'))
        contexts = [InputTag("mlflow.data.context", "+".join(sizes))]
        self._client.log_inputs(self.id, [DatasetInput(dataset, contexts)])

    def log_epoch(self, record: EpochRecord) -> None:
        """Owe an epoch's metrics; about once a second all that is owed is sent."""
        self._owe("cost", record.cost, record.epoch)
        self._owe("train_error_rate", record.train_error_rate, record.epoch)
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self._flush()

    def log_metrics(self, metrics: dict[str, float], step: int = 0) -> None:
        """Log single values."""
        for key, value in metrics.items():
            self._owe(key, value, step)

    def tag(self, **tags: str) -> None:
        """Set tags."""
        self._client.log_batch(self.id, tags=[RunTag(k, v) for k, v in tags.items()])

    def note(self, text: str) -> None:
        """Set the description that the UI shows at the top of the run, in Markdown."""
        self._client.set_tag(self.id, "mlflow.note.content", text)

    def log_text(self, text: str, name: str) -> None:
        """Log a text file."""
        self._client.log_text(self.id, text, name)

    def log_figure(self, figure: Any, name: str) -> None:
        """Log a matplotlib figure."""
        self._client.log_figure(self.id, figure, name)

    def log_file(self, path: Path) -> None:
        """Log a file."""
        self._client.log_artifact(self.id, str(path))

    def log_weights(self, tensors: dict[str, np.ndarray]) -> None:
        """Log arrays as weights.npz."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.npz"
            np.savez(path, **tensors)  # type: ignore[arg-type]
            self.log_file(path)

    def log_table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str) -> None:
        """Log a csv file."""
        text = io.StringIO()
        csv.writer(text).writerows([columns, *rows])
        self.log_text(text.getvalue(), name)

    def _owe(self, key: str, value: float, step: int) -> None:
        # NaN and infinity break the UI's page of the run.
        if math.isfinite(value):
            self._owed.append(Metric(key, float(value), int(time.time() * 1000), step))

    def _flush(self) -> None:
        for i in range(0, len(self._owed), _METRICS_PER_CALL):
            self._client.log_batch(self.id, metrics=self._owed[i : i + _METRICS_PER_CALL])
        self._owed.clear()
        self._flushed = time.monotonic()


def _open(uri: str, experiment: str) -> tuple[MlflowClient, str]:
    artifacts = None
    lock = Path(tempfile.gettempdir()) / "noise_exp-store.lock"
    if uri.startswith(_SQLITE):
        database = Path(uri.removeprefix(_SQLITE)).absolute()
        database.parent.mkdir(parents=True, exist_ok=True)
        artifacts = (database.parent / "artifacts").as_uri()
        lock = database.with_suffix(".lock")
        # MLflow itself would retry for minutes, here and below.
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA schema_version")
    elif uri.startswith(("http://", "https://")):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=10)
        except requests.RequestException:
            raise OSError("no server answers there") from None
    # Concurrent first use of a SQLite store crashes MLflow, so one process at a time.
    with FileLock(lock):
        client = MlflowClient(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            tags = {"mlflow.note.content": _DESCRIPTION}
            return client, client.create_experiment(experiment, artifacts, tags)
    if found.lifecycle_stage != "active":
        raise MlflowException(
            f"its experiment {experiment!r} is deleted, restore it or set tracking.experiment"
        )
    return client, found.experiment_id


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"
