"""A store made ready: it and its experiment, for any number of processes."""

import getpass
import logging
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from noise_exp.records.lock import Lock
from noise_exp.tracking import views
from noise_exp.tracking.moved import ARTIFACTS, lock_of, mend
from noise_exp.tracking.places import file_of, is_served, uri_of

for _noisy in ("alembic", "mlflow", "urllib3"):  # after MLflow's import, which sets it too
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)  # failures are told in our own words

_DESCRIPTION = """Noise Training (Jae Duk Seo, 2018): a NumPy network learns MNIST 0 against 1 from
random noise. Each row is a run, or a sweep that opens into its runs; a sweep's own page holds the
comparison of its methods: a table, and figures among the artifacts."""
_EXPERIMENT_TAGS = {
    "mlflow.note.content": _DESCRIPTION,
    "mlflow.experimentKind": "custom_model_development",
    views.TAG + views.SWEEPS: views.all_sweeps(),
}


def user() -> str:
    """Return who runs this; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def connect(uri: str) -> MlflowClient:
    """Return MLflow's client of a store; it connects to a database at once, and tries once."""
    if not is_served(uri):
        from mlflow.store.db import utils  # slow, and of no use to a server's client

        # No setting of MLflow's says how often: ten times would be two minutes.
        utils.MAX_RETRY_COUNT = 1
    return MlflowClient(uri)


def ready(uri: str, experiment: str) -> str:
    """Make the store and the experiment where they are missing; return the experiment's id.

    Raises
    ------
    MlflowException, OSError, SQLAlchemyError, sqlite3.Error
        If that cannot be done.
    """
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
        client = connect(uri)
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
        except requests.exceptions.ProxyError:
            raise OSError(
                "the proxy that http_proxy or https_proxy names does not let us through; "
                "put a server that needs none into no_proxy"
            ) from None
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
    store = SqlAlchemyStore(uri_of(part), (database.parent / ARTIFACTS).as_uri())
    store.engine.dispose()
    part.replace(database)
