"""The store: opened and made ready, searched for what is done, and cleared of dead runs."""

import getpass
import json
import logging
import math
import os
import platform
import shlex
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import requests
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from noise_exp.errors import UserError
from noise_exp.records.facts import masked
from noise_exp.records.journal import Journal
from noise_exp.records.results import Result
from noise_exp.tracking.delivery import HEARTBEAT_SECONDS, RefusedError, reason, sync

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
# A beat may be late by a call that times out and the pause before the next try.
_WATCH_SECONDS = 9 * HEARTBEAT_SECONDS
_PAGE = 1000
_READERS = 4
_PAUSE_SECONDS = 1.0
_RETRIABLE = (MlflowException, OSError, SQLAlchemyError)
_DESCRIPTION = """Noise Training (Jae Duk Seo, 2018): a NumPy network learns MNIST 0 against 1 from
random noise. Each row is a run, or a sweep that opens into its runs; a sweep's own page holds the
comparison of its methods: a table, and figures among the artifacts."""
# What the UI's "share" button stores: a view with the columns that matter, which a link can open.
_VIEW = "sweeps"
_COLUMNS = ("params.`dist`", "params.`optimizer`", "params.`seed`", "metrics.`test_errors`",
            "metrics.`cost`", "metrics.`train_seconds`", "attributes.`Created`")  # fmt: skip
_EXPERIMENT_TAGS = {
    "mlflow.note.content": _DESCRIPTION,
    "mlflow.experimentKind": "custom_model_development",
    f"mlflow.sharedViewState.{_VIEW}": json.dumps(
        {
            "selectedColumns": _COLUMNS,
            "orderByKey": "attributes.start_time",
            "orderByAsc": False,
            "searchFilter": "",
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
        }
    ),
}
_LOCAL_UI = "http://127.0.0.1:5000"
_SQLITE = "sqlite:///"

log = logging.getLogger(__name__)


class Store:
    """An MLflow tracking store with one experiment, made ready for any number of processes.

    Parameters
    ----------
    uri
        The tracking URI; None for `MLFLOW_TRACKING_URI`, else `DEFAULT_URI`.
    experiment
        Name of the experiment; made if it does not exist.

    Attributes
    ----------
    uri
        The URI for any process on this machine: a file's path is absolute.

    Raises
    ------
    UserError
        If the store cannot be opened.
    """

    def __init__(self, uri: str | None, experiment: str) -> None:
        self._given = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
        self.uri = self._given
        if self.uri.startswith(_SQLITE):
            self.uri = f"{_SQLITE}{Path(self.uri.removeprefix(_SQLITE)).absolute()}"
        try:
            self._client, self.experiment_id = _open(self.uri, experiment)
        except (ImportError, MlflowException, OSError, SQLAlchemyError, sqlite3.Error) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            reason = reason.partition(". ")[0]
            raise UserError(
                f"the tracking store {masked(self._given)} cannot be opened: {reason}; set "
                f"tracking.uri (for example {DEFAULT_URI}) or tracking.enabled=false"
            ) from None

    @classmethod
    def attach(cls, uri: str, experiment_id: str) -> "Store":
        """Return a store that another process has opened, without a call to it."""
        store = cls.__new__(cls)
        store._given = store.uri = uri
        store._client, store.experiment_id = MlflowClient(uri), experiment_id
        return store

    @property
    def browse(self) -> str:
        """How to look at the runs: the UI's command where there is no server, and the address."""
        page = f"#/experiments/{self.experiment_id}/runs"
        view = f"{page}?viewStateShareKey={_VIEW}&workflowType=machine_learning"
        if self.uri.startswith(("http://", "https://")):
            return f"{masked(self.uri).rstrip('/')}/{view}"
        mlflow = "mlflow" if shutil.which("mlflow") else Path(sys.executable).with_name("mlflow")
        command = f"{mlflow} ui --backend-store-uri {shlex.quote(masked(self._given))}"
        return f"{command}\n    and open {_LOCAL_UI}/{view}"

    def link(self, run_id: str) -> str:
        """Return the run's page relative to the UI's address."""
        return f"#/experiments/{self.experiment_id}/runs/{run_id}?workflowType=machine_learning"

    def finished(self, source_digest: str, fingerprint: str | None = None) -> dict[str, Result]:
        """Return the finished runs of this source code (of one fingerprint if given).

        The newest of each fingerprint counts. One query, whatever the number of runs asked for.
        """
        conditions = ["attributes.status = 'FINISHED'", f"tags.source_digest = '{source_digest}'"]
        if fingerprint:
            conditions.append(f"tags.fingerprint = '{fingerprint}'")
        runs = self._search(" and ".join(conditions))
        return {run.data.tags["fingerprint"]: _result(run) for run in reversed(runs)}

    def children(self, parent_id: str) -> list[Result]:
        """Return what the runs of a sweep ended with, by the numbers of their jobs."""
        runs = self._search(f"tags.mlflow.parentRunId = '{parent_id}'")
        return sorted(map(_result, runs), key=lambda result: result.job)

    def result(self, run_id: str) -> Result:
        """Return what a run ended with."""
        return _result(self._client.get_run(run_id))

    def with_costs(self, results: Sequence[Result]) -> list[Result]:
        """Return the results with the cost of every epoch, one query per run."""
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self._with_costs, results))

    def _with_costs(self, result: Result) -> Result:
        assert result.run_id
        costs = list(result.costs)
        for metric in self._client.get_metric_history(result.run_id, "cost"):
            costs += [None] * (metric.step + 1 - len(costs))
            costs[metric.step] = metric.value
        return replace(result, costs=costs)

    def reused(self, parent_id: str) -> list[Result]:
        """Return results of earlier runs that stand for jobs which said so to the store alone."""
        tags = self._client.get_run(parent_id).data.tags
        found = []
        for key, value in tags.items():
            if key.startswith("reused."):
                said = json.loads(value)
                job = int(key.removeprefix("reused."))
                overrides = shlex.split(said["overrides"])
                standing = self.result(said["run_id"])
                found.append(replace(standing, job=job, overrides=overrides, reused=True))
        return found

    def tag_reused(self, parent_id: str, result: Result) -> None:
        """Say on the parent that an earlier run stands for a job."""
        said = {"run_id": result.run_id, "overrides": shlex.join(result.overrides)}
        self._client.set_tag(parent_id, f"reused.{result.job}", json.dumps(said))

    def bury_the_dead(self) -> dict[str, str]:
        """Deliver and end the runs whose process died; return those alive, by fingerprint."""
        alive = self._bury(self._search("attributes.status = 'RUNNING'"))
        return {
            run.data.tags["fingerprint"]: run.info.run_id
            for run in alive
            if "fingerprint" in run.data.tags
        }

    def wait_for(self, run_id: str, pause: float = 2.0) -> Result | None:
        """Wait until a run of another process has ended, or that process died.

        Returns
        -------
        Its result, with the last cost alone; None if it did not finish.
        """
        while True:
            try:
                run = self._client.get_run(run_id)
                if run.info.status != "RUNNING":
                    return _result(run) if run.info.status == "FINISHED" else None
                self._bury([run])
            except _RETRIABLE as error:
                log.warning("The tracking store fails (%s); trying again", reason(error))
            time.sleep(pause)

    def _bury(self, runs: Iterable[Run]) -> list[Run]:
        """End the dead among running runs and return the others.

        On this machine the lock that a run's process holds tells; no other sign is as sure. Of
        another machine's run, the heartbeat is watched: a live process changes it. Clocks are
        not compared.
        """
        alive, watched = [], []
        for run in runs:
            if "heartbeat" not in run.data.tags:
                alive.append(run)  # not ours
            elif self._has_its_record_here(run):
                try:
                    if sync(Path(run.data.tags["folder"]), self.uri) == "alive":
                        alive.append(run)
                except (OSError, ValueError, RefusedError):
                    watched.append(run)
            else:
                watched.append(run)
        if watched:
            log.info("Watching %d runs of other machines for a sign of life ...", len(watched))
        start = time.monotonic()
        while watched and time.monotonic() - start < _WATCH_SECONDS:
            time.sleep(_PAUSE_SECONDS)
            now = {r.info.run_id: r for r in self._search("attributes.status = 'RUNNING'")}
            for run in list(watched):
                current = now.get(run.info.run_id)
                if current is None:  # it has ended
                    watched.remove(run)
                elif current.data.tags["heartbeat"] != run.data.tags["heartbeat"]:
                    watched.remove(run)
                    alive.append(run)
        for run in watched:
            self._kill(run)
        return alive

    @staticmethod
    def _has_its_record_here(run: Run) -> bool:
        tags = run.data.tags
        try:
            facts = Journal.load(Path(tags["folder"])).facts
        except (OSError, ValueError, KeyError):  # deleted, damaged, or another user's
            return False
        return tags["host"] == platform.node() and facts.uid == tags["uid"]

    def _kill(self, run: Run) -> None:
        if self._client.get_run(run.info.run_id).info.status == "RUNNING":
            last_sign = int(run.data.tags["heartbeat"]) * 1000
            self._client.set_terminated(run.info.run_id, "KILLED", last_sign)

    def _search(self, condition: str) -> list[Run]:
        """Return all runs that fulfil a condition, the newest first."""
        runs: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs(
                [self.experiment_id], condition, max_results=_PAGE, page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return runs


def user() -> str:
    """Return who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _result(run: Run) -> Result:
    """Read a result from a run, with the last cost alone."""
    tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
    error = None
    if run.info.status != "FINISHED":
        error = tags.get("error", f"the run is {run.info.status}")
    diverged = tags.get("diverged") == "true"
    part = "validation" if "validation_images" in params else "test"
    costs: list[float | None] = [None if diverged else metrics.get("cost")]
    return Result(
        job=int(tags.get("job", 0)),
        overrides=shlex.split(tags.get("overrides", "")),
        dist=params.get("dist", tags.get("dist", "")),
        letter=tags.get("article_letter"),
        costs=costs,
        test_errors=int(metrics.get(f"{part}_errors", 0)),
        test_size=int(params.get(f"{part}_images", 0)),
        test_cost=metrics.get(f"{part}_cost", math.nan),
        validation=part == "validation",
        train_seconds=metrics.get("train_seconds", math.nan),
        forward_passes=metrics.get("forward_passes", 0.0),
        diverged=diverged,
        run_id=run.info.run_id,
        error=error,
    )


def _open(uri: str, experiment: str) -> tuple[MlflowClient, str]:
    artifacts = None
    lock = Path(tempfile.gettempdir()) / f"noise_exp-store-{user()}.lock"
    database = None
    if uri.startswith(_SQLITE):
        database = Path(uri.removeprefix(_SQLITE))
        database.parent.mkdir(parents=True, exist_ok=True)
        artifacts = (database.parent / "artifacts").as_uri()
        lock = database.with_suffix(".lock")
        # MLflow itself would retry for minutes, here and below.
        if database.exists():
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA schema_version")
    elif uri.startswith(("http://", "https://")):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=10)
        except requests.exceptions.SSLError:
            pass  # it answers; what to trust is MLflow's to decide, by its own settings
        except requests.RequestException:
            raise OSError("no server answers there") from None
    # Concurrent first use of a SQLite store crashes MLflow, so one process at a time.
    with FileLock(lock):
        if database is not None and not database.exists():
            _create(database)
        client = MlflowClient(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            try:
                return client, client.create_experiment(experiment, artifacts, _EXPERIMENT_TAGS)
            except MlflowException:  # another machine may have been first
                found = client.get_experiment_by_name(experiment)
                if found is None:
                    raise
    if found.lifecycle_stage != "active":
        raise MlflowException(
            f"its experiment {experiment!r} is deleted, restore it or set tracking.experiment"
        )
    return client, found.experiment_id


def _create(database: Path) -> None:
    """Make a SQLite store beside its place and move it there: whole, or not at all.

    MLflow's migrations take seconds, and one that is killed half-way leaves a store that no
    longer opens.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # slow, and rarely used

    part = database.with_suffix(".part")
    part.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"{_SQLITE}{part}", (database.parent / "artifacts").as_uri())
    store.engine.dispose()
    part.replace(database)
