"""The store: made ready for any number of processes, opened, searched, and shown."""

import logging
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from noise_exp.errors import UserError
from noise_exp.redaction import masked
from noise_exp.terminal import program
from noise_exp.tracking import internals
from noise_exp.tracking.failures import reason
from noise_exp.tracking.internals import NEWEST, SWEEPS, VIEW
from noise_exp.tracking.model import models_of
from noise_exp.tracking.places import DEFAULT_URI, file_of, is_served, located, setting, trimmed

DEFAULT_EXPERIMENT = "noise_training"
FAILURES = (MlflowException, OSError, SQLAlchemyError, sqlite3.Error, ImportError)
_PAGE = 1000
_LOCAL_UI = "http://127.0.0.1:5000"
_DESCRIPTION = """Noise Training (Jae Duk Seo, 2018): a NumPy network learns MNIST 0 against 1 from
random noise. Each row is a run, or a sweep that opens into its runs; a sweep's own page holds the
comparison of its methods: a table, and figures among the artifacts."""
_EXPERIMENT_TAGS = {
    "mlflow.note.content": _DESCRIPTION,
    "mlflow.experimentKind": "custom_model_development",
    VIEW + SWEEPS: internals.view_of_all(),
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
    experiment_id
        Where its runs are; empty where there is none yet.
    """

    def __init__(self, given: str, uri: str, experiment_id: str) -> None:
        self._given, self.uri, self.experiment_id = given, uri, experiment_id

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's; of a database it connects when it is made."""
        return internals.connect(self.uri)

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
        try:
            return cls(given, absolute, _made(absolute, _named(experiment)))
        except UserError:
            raise
        except Exception as error:  # a URI is read by several libraries, each with its own errors
            otherwise = f"tracking.uri (for example {DEFAULT_URI}), or tracking.enabled=false"
            raise _failure(given, error, otherwise) from None

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
        database = file_of(absolute)
        if database and not database.is_file():
            raise NoStoreError(
                f"there is no store {masked(given)} here; give --uri, or run a sweep first"
            )
        try:
            if not untouched:
                internals.relocate(absolute)
            named = internals.connect(absolute).get_experiment_by_name(_named(experiment))
        except (ValueError, *FAILURES) as error:
            raise _failure(given, error) from None
        return cls(given, absolute, named.experiment_id if named else "")

    @classmethod
    def attach(cls, uri: str, experiment_id: str) -> "Store":
        """Return a store that another process has opened, without a call to it."""
        return cls(uri, uri, experiment_id)

    @property
    def browse(self) -> str:
        """How to look at the runs: the UI's command where there is no server, and the address."""
        return f"{self._opening}{self._address(SWEEPS)}"

    @property
    def newest(self) -> str:
        """Where the runs of the newest sweep are shown; without a sweep, all runs."""
        tags = self.client.get_experiment(self.experiment_id).tags if self.experiment_id else {}
        return self._address(NEWEST if VIEW + NEWEST in tags else SWEEPS)

    def browse_sweep(self, run_id: str, swept: Sequence[str], part: str) -> str:
        """Let the view of the newest sweep be that of this run; return how to look at it.

        `swept` and `part` as of `internals.view_of_sweep`.
        """
        views = {
            NEWEST: internals.view_of_sweep(run_id, swept, part),
            SWEEPS: internals.view_of_all(),
        }
        try:
            for name, view in views.items():
                self.client.set_experiment_tag(self.experiment_id, VIEW + name, view)
        except FAILURES as error:
            log.warning("Its runs have no view of their own: %s", reason(error))
            return self.browse
        newest, sweeps = map(self._address, views)
        return f"{self._opening}{newest}\nand all runs, by sweeps:\n    {sweeps}"

    @property
    def _opening(self) -> str:
        if is_served(self.uri):
            return ""
        given = masked(self._given)
        command = [program("mlflow"), "ui", "--workers", "1", "--backend-store-uri", given]
        return f"{shlex.join(command)}\n    and open "

    def _address(self, view: str) -> str:
        ui = masked(self.uri).rstrip("/") if is_served(self.uri) else _LOCAL_UI
        page = f"{ui}/#/experiments/{self.experiment_id}/runs"
        return f"{page}?viewStateShareKey={view}&workflowType=machine_learning"

    def link(self, run_id: str) -> str:
        """Return the run's page relative to the UI's address."""
        return f"#/experiments/{self.experiment_id}/runs/{run_id}?workflowType=machine_learning"

    def outer(self) -> str | None:
        """Return the run that `MLFLOW_RUN_ID` names, for ours to be nested in."""
        return setting("MLFLOW_RUN_ID") or None

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

    def tag_best(self, run_id: str) -> None:
        """Tag a sweep's best run, and its model if it keeps one."""
        self.client.set_tag(run_id, "best", "true")
        for model_id in models_of(self.client.get_run(run_id)):
            self.client.set_logged_model_tags(model_id, {"best": "true"})

    def by_id(self, run_ids: list[str]) -> dict[str, Run]:
        """Return runs by their ids, those that are still there, a page per query."""
        runs: dict[str, Run] = {}
        run_ids = [run_id for run_id in run_ids if run_id.isalnum()]  # others are no ids
        for i in range(0, len(run_ids), _PAGE):
            ids = ", ".join(f"'{run_id}'" for run_id in run_ids[i : i + _PAGE])
            runs |= {run.info.run_id: run for run in self.search(f"attributes.run_id IN ({ids})")}
        return runs


@contextmanager
def opened(uri: str | None, experiment: str | None) -> Iterator[Store]:
    """Open a store that is there, for a command that reads it.

    Raises
    ------
    UserError
        If it cannot be opened, or fails while it is read; an OSError says itself what it is of.
    """
    try:
        yield Store.existing(uri, experiment)
    except FAILURES as error:
        if isinstance(error, OSError):
            raise
        raise _failure(located(uri)[0], error) from None


def _failure(uri: str, error: Exception, otherwise: str = "--uri to another") -> UserError:
    """Return what to tell of a store that fails."""
    return UserError(
        f"the tracking store {masked(uri)} cannot be used: {reason(error)}; "
        f"set MLFLOW_TRACKING_URI or {otherwise}"
    )


def _made(uri: str, experiment: str) -> str:
    """Make the store and the experiment where they are missing; return the experiment's id."""
    artifacts = None
    if database := file_of(uri):
        internals.make(database)
        internals.relocate(uri)
        artifacts = (database.parent / internals.ARTIFACTS).as_uri()
    client = internals.connect(uri)
    known = client.get_experiment_by_name(experiment)
    if not known:
        try:
            return client.create_experiment(experiment, artifacts, _EXPERIMENT_TAGS)
        except MlflowException:  # another process may have been first
            known = client.get_experiment_by_name(experiment)
            if not known:
                raise
    if known.lifecycle_stage != "active":
        raise MlflowException(
            f"its experiment {experiment!r} is deleted, restore it or set tracking.experiment"
        )
    return known.experiment_id


def _named(experiment: str | None) -> str:
    """Return an experiment's name, where none is given the environment's, as MLflow has it."""
    name = trimmed(experiment) or setting("MLFLOW_EXPERIMENT_NAME")
    if not name and setting("MLFLOW_EXPERIMENT_ID"):
        log.warning(
            "MLFLOW_EXPERIMENT_ID is not read: set MLFLOW_EXPERIMENT_NAME or tracking.experiment; "
            "the experiment is %s",
            DEFAULT_EXPERIMENT,
        )
    return name or DEFAULT_EXPERIMENT
