"""The store: opened and made ready, searched, and shown."""

import getpass
import logging
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path

import requests
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from noise_exp.errors import UserError
from noise_exp.records import secrets
from noise_exp.records.lock import Lock
from noise_exp.records.secrets import masked
from noise_exp.tracking import views
from noise_exp.tracking.delivery import gist, reason
from noise_exp.tracking.moved import ARTIFACTS, lock_of, mend
from noise_exp.tracking.places import DEFAULT_URI, SQLITE, file_of, is_served, located

DEFAULT_EXPERIMENT = "noise_training"
FAILURES = (MlflowException, OSError, SQLAlchemyError, sqlite3.Error)
_PAGE = 1000
_DESCRIPTION = """Noise Training (Jae Duk Seo, 2018): a NumPy network learns MNIST 0 against 1 from
random noise. Each row is a run, or a sweep that opens into its runs; a sweep's own page holds the
comparison of its methods: a table, and figures among the artifacts."""
_EXPERIMENT_TAGS = {
    "mlflow.note.content": _DESCRIPTION,
    "mlflow.experimentKind": "custom_model_development",
    views.TAG + views.SWEEPS: views.all_sweeps(),
}

log = logging.getLogger(__name__)


class NoStoreError(UserError):
    """There is no store yet."""


class Store:
    """An MLflow tracking store with one experiment: by `open`, `existing` or `attach`.

    Attributes
    ----------
    uri
        For any process on this machine: a file's path is absolute.
    experiment, experiment_id
        Where its runs are: name, as far as known, and id, empty where there is none yet.
    """

    def __init__(self, given: str, uri: str, experiment_id: str, experiment: str = "") -> None:
        self._given, self.uri = given, uri
        self.experiment, self.experiment_id = experiment, experiment_id

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's; of a database it connects when it is made, and retries for minutes."""
        return MlflowClient(self.uri)

    @classmethod
    def open(cls, uri: str | None, experiment: str | None) -> "Store":
        """Open a store, made if it is not there, for any number of processes.

        Parameters
        ----------
        uri
            The tracking URI; None for `MLFLOW_TRACKING_URI`, else `DEFAULT_URI`.
        experiment
            Name of the experiment, made if it does not exist; None for `MLFLOW_EXPERIMENT_NAME`,
            else `DEFAULT_EXPERIMENT`.

        Raises
        ------
        UserError
            If the store cannot be opened.
        """
        given, absolute = located(uri)
        experiment = _named(experiment)
        try:
            store = cls(given, absolute, _ready(absolute, experiment), experiment)
        except UserError:
            raise
        except Exception as error:  # a URI is read by several libraries, each with its own errors
            cause = gist(error)
            if isinstance(error, ValueError):
                cause = f"it is no URI ({secrets.scrubbed(str(error))})"
            raise UserError(
                f"the tracking store {masked(given)} cannot be opened: {cause}; "
                f"set tracking.uri (for example {DEFAULT_URI}) or tracking.enabled=false"
            ) from None
        if secrets.exposed(absolute):
            log.warning(secrets.ADVICE)
        return store

    @classmethod
    def existing(cls, uri: str | None, experiment: str | None, untouched: bool = False) -> "Store":
        """Open a store that is there, and make nothing in it.

        One that was moved is mended all the same, unless it is to be left `untouched`: what is
        read then are runs alone, no artifacts.

        Raises
        ------
        UserError
            If it is a file's, and there is none, or it is a copy without its artifacts, or it
            cannot be opened.
        """
        given, absolute = located(uri)
        experiment = _named(experiment)
        database = file_of(absolute)
        if database and not database.is_file():
            raise NoStoreError(
                f"there is no store {masked(given)} here; give --uri, or run a sweep first"
            )
        try:
            if not untouched:
                mend(absolute)
            named = MlflowClient(absolute).get_experiment_by_name(experiment)
        except (ValueError, *FAILURES) as error:
            raise failure(uri, error) from None
        return cls(given, absolute, named.experiment_id if named else "", experiment)

    @classmethod
    def attach(cls, uri: str, experiment_id: str) -> "Store":
        """Return a store that another process has opened, without a call to it."""
        return cls(uri, uri, experiment_id)

    @property
    def browse(self) -> str:
        """How to look at the runs: the UI's command where there is no server, and the address."""
        return views.opening(self.uri, self._given) + self._address(views.SWEEPS)

    @property
    def newest(self) -> str:
        """Where the runs of the newest sweep are shown; without a sweep, all runs."""
        try:
            told = self.client.get_experiment(self.experiment_id).tags if self.experiment_id else {}
        except FAILURES as error:
            raise failure(self._given, error) from None
        return self._address(views.NEWEST if views.TAG + views.NEWEST in told else views.SWEEPS)

    def browse_sweep(self, run_id: str, swept: Sequence[str], part: str) -> str:
        """Let the view of the newest sweep be that of this run; return how to look at it.

        `swept` and `part` as of `views.of_sweep`.
        """
        newest, sweeps = views.of_sweep(run_id, swept, part), views.all_sweeps()
        try:
            for view, state in ((views.NEWEST, newest), (views.SWEEPS, sweeps)):
                self.client.set_experiment_tag(self.experiment_id, views.TAG + view, state)
        except FAILURES as error:
            log.warning("Its runs have no view of their own: %s", reason(error))
            return self.browse
        opening = views.opening(self.uri, self._given)
        more = f"and all runs, by sweeps:\n    {self._address(views.SWEEPS)}"
        return f"{opening}{self._address(views.NEWEST)}\n{more}"

    def _address(self, view: str) -> str:
        return views.address(self.uri, self.experiment_id, view)

    def link(self, run_id: str) -> str:
        """Return the run's page relative to the UI's address."""
        return f"#/experiments/{self.experiment_id}/runs/{run_id}?workflowType=machine_learning"

    def outer(self) -> str | None:
        """Return the run that `MLFLOW_RUN_ID` names, for ours to be nested in, if they can."""
        run_id = os.environ.get("MLFLOW_RUN_ID")
        if not run_id:
            return None
        try:
            where = self.client.get_run(run_id).info.experiment_id
        except FAILURES as error:
            why = reason(error)
        else:
            if where == self.experiment_id:
                return run_id
            why = f"it is of experiment {where}, this is of {self.experiment_id}"
        log.warning("Not nested in the run of MLFLOW_RUN_ID=%s: %s", run_id, why)
        return None

    def search(self, *conditions: str) -> list[Run]:
        """Return all runs that fulfil all conditions, in MLflow's language, the newest first."""
        runs: list[Run] = []
        token = None
        while self.experiment_id:
            page = self.client.search_runs(
                [self.experiment_id],
                " and ".join(filter(None, conditions)),
                max_results=_PAGE,
                page_token=token,
            )
            runs += page
            token = page.token
            if not token:
                break
        return runs

    def by_id(self, run_ids: list[str]) -> dict[str, Run]:
        """Return runs by their ids, those that are still there, a page per query."""
        runs: dict[str, Run] = {}
        for i in range(0, len(run_ids), _PAGE):
            ids = ", ".join(f"'{run_id}'" for run_id in run_ids[i : i + _PAGE])
            runs |= {run.info.run_id: run for run in self.search(f"attributes.run_id IN ({ids})")}
        return runs


def user() -> str:
    """Return who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def failure(uri: str | None, error: Exception) -> UserError:
    """Return what to tell of a store that fails under a command that reads it."""
    given, _ = located(uri)
    return UserError(
        f"the store {masked(given)} cannot be used: {reason(error)}; give --uri another"
    )


def _named(experiment: str | None) -> str:
    """Return an experiment's name, where none is given the environment's, as MLflow has it."""
    name = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if not name and os.environ.get("MLFLOW_EXPERIMENT_ID"):
        log.warning(
            "MLFLOW_EXPERIMENT_ID is not read: set MLFLOW_EXPERIMENT_NAME or tracking.experiment; "
            "the experiment is %s",
            DEFAULT_EXPERIMENT,
        )
    return name or DEFAULT_EXPERIMENT


def _ready(uri: str, experiment: str) -> str:
    """Make the store and the experiment where they are missing; return the experiment's id."""
    artifacts, database = None, file_of(uri)
    lock = Path(tempfile.gettempdir()) / f"noise_exp-store-{user()}.lock"
    if database:
        database.parent.mkdir(parents=True, exist_ok=True)
        artifacts = (database.parent / ARTIFACTS).as_uri()
        lock = lock_of(database)
    _probe(uri, database)
    mend(uri)
    # Concurrent first use of a SQLite store crashes MLflow, so one process at a time.
    with Lock(lock):
        if database is not None and not database.exists():
            _create(database)
        client = MlflowClient(uri)
        known = client.get_experiment_by_name(experiment)
        if known is None:
            try:
                return client.create_experiment(experiment, artifacts, _EXPERIMENT_TAGS)
            except MlflowException:  # another machine may have been first
                known = client.get_experiment_by_name(experiment)
                if known is None:
                    raise
    if known.lifecycle_stage != "active":
        raise MlflowException(
            f"its experiment {experiment!r} is deleted, restore it or set tracking.experiment"
        )
    return known.experiment_id


def _probe(uri: str, database: Path | None) -> None:
    """Fail at once where MLflow itself would retry for minutes."""
    if database is not None and database.exists():
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA schema_version")
    elif is_served(uri):
        try:
            requests.get(f"{uri.rstrip('/')}/health", timeout=10)
        except requests.exceptions.SSLError:
            pass  # it answers; what to trust is MLflow's to decide, by its own settings
        except requests.RequestException:
            raise OSError("no server answers there") from None


def _create(database: Path) -> None:
    """Make a SQLite store beside its place and move it there: whole, or not at all.

    MLflow's migrations take seconds, and one that is killed half-way leaves a store that no
    longer opens.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # slow, and rarely used

    part = database.with_name(f"{database.name}.noise_exp-part")
    part.unlink(missing_ok=True)
    store = SqlAlchemyStore(f"{SQLITE}{part}", (database.parent / ARTIFACTS).as_uri())
    store.engine.dispose()
    part.replace(database)
