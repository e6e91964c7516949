"""What of MLflow has no front door, all in one place: an upgrade may change any of it.

Each saves users from a loss, and tests/tracking/test_internals.py holds it against the oldest and
the newest MLflow that the project allows:

- a SQLite store is made beside its place: MLflow's migrations take seconds, and one that is killed
  half-way leaves a store that no longer opens;
- a SQLite store that was moved or copied with its folder is rewritten: MLflow keeps absolute paths
  and has no call that changes them, so that a moved store would lose its artifacts, and a copy
  would write among its original's;
- a database that is away is tried once: MLflow tries ten times, for two minutes, by no setting;
- what stands before a server and answers in its place is told from the store: what the store
  refuses is given up, what a gateway refuses is sent again;
- the addresses that we print open a view of the UI, which its "share" button keeps in a tag of the
  experiment: without it the columns and the order are those of any project.
"""

import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException

from noise_exp.errors import UserError
from noise_exp.runs.disk import lock
from noise_exp.tracking.places import file_of, is_same_file, is_served, uri_of

for _noisy in ("alembic", "mlflow", "urllib3"):  # after MLflow's import, which sets it too
    logging.getLogger(_noisy).setLevel(logging.CRITICAL)  # failures are reported in our own words

HEARTBEAT_SECONDS = 10.0
SILENCE_SECONDS = 9 * HEARTBEAT_SECONDS  # a beat may be late by a call that times out, and a pause
ARTIFACTS = "artifacts"  # beside the store, where its experiments are made
SWEEPS, NEWEST = "sweeps", "newest_sweep"  # views: of all runs by sweeps, of the newest sweep's
VIEW = "mlflow.sharedViewState."  # a view's tag begins so
_NOT_JSON = "API request to "  # how MLflow begins to tell of an answer that is not its server's
# Where MLflow keeps places of artifacts.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)

log = logging.getLogger(__name__)


def connect(uri: str) -> MlflowClient:
    """Return MLflow's client of a store; it connects to a database at once, and tries once."""
    if not is_served(uri):
        from mlflow.store.db import utils  # slow, and of no use to a server's client

        utils.MAX_RETRY_COUNT = 1
    return MlflowClient(uri)


def make(database: Path) -> None:
    """Make a SQLite store where there is none: whole, or not at all; by one process at a time."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with _locked(database):  # concurrent first use crashes MLflow
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # slow, and rarely used

        part = database.with_name(f"{database.name}.noise_exp-part")
        part.unlink(missing_ok=True)
        store = SqlAlchemyStore(uri_of(part), (database.parent / ARTIFACTS).as_uri())
        store.engine.dispose()
        part.replace(database)


def is_of_gateway(error: MlflowException) -> bool:
    """Whether what stands before a server has answered in its place."""
    if isinstance(error, RestException):
        return not isinstance(error.json.get("error_code"), str)
    return error.message.startswith(_NOT_JSON)


def view_of_all() -> str:
    """Return the view of all runs, each sweep a row that opens into its runs, the newest first."""
    metrics = ("best_test_error_rate", "median_test_error_rate", "runs", "failed_runs",
               "test_error_rate", "cost", "train_seconds")  # fmt: skip
    return _view(["tags.`best`", *_keyed(metrics, ("dist", "optimizer", "seed"))])


def view_of_sweep(run_id: str, swept: Sequence[str], part: str) -> str:
    """Return the view of one sweep's runs, those with the fewest errors first.

    `swept` names what differs between them, `part` the images that the errors are of. MLflow
    leaves out of a view which rows are open, so that a filter shows them, not a tree.
    """
    errors = f"{part}_errors"
    params = dict.fromkeys((*swept, "dist", "optimizer", "seed"))
    columns = _keyed((errors, "cost", "train_seconds"), params)
    return _view(columns, f"tags.`mlflow.parentRunId` = '{run_id}'", columns[0], ascending=True)


def _keyed(metrics: Iterable[str], params: Iterable[str]) -> list[str]:
    return [*(f"metrics.`{key}`" for key in metrics), *(f"params.`{key}`" for key in params)]


def _view(
    columns: Sequence[str],
    searched: str = "",
    order: str = "attributes.start_time",
    ascending: bool = False,
) -> str:
    shown = [*columns, "attributes.`Created`", "attributes.`Duration`"]
    return json.dumps(
        {
            "selectedColumns": shown,
            "columnOrder": ["attributes.`Run Name`", *shown],  # else by the alphabet
            "orderByKey": order,
            "orderByAsc": ascending,
            "searchFilter": searched,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "runsPinned": [],  # MLflow 3.8 shows an error where these are missing
            "runsHidden": [],
            "runsExpanded": {},
        }
    )


def relocate(uri: str) -> None:
    """See that the artifacts of a local store are looked for beside it, where they now are.

    A place of the user's own is left alone, and so is a folder of artifacts that stayed behind
    when its store was moved. A store that is seen under two paths was not moved.

    Raises
    ------
    UserError
        If it is a copy that would write among the artifacts of its original, or a run is at work
        in it, whose process may see it where it was.
    OSError, sqlite3.Error
        If it cannot be written.
    """
    database = file_of(uri)
    if database is None or not database.is_file():
        return
    with _opened(database) as connection:
        if not any(_is_elsewhere(connection, place, database) for place in _places(connection)):
            return
    new = database.parent / ARTIFACTS
    with _locked(database), _opened(database) as connection:
        for place in _places(connection):  # anew: another process may have been first
            if _is_elsewhere(connection, place, database):
                _refuse_living(connection, database, place)
                _rewrite(connection, place, new.as_uri())
                log.warning(
                    "The store %s was moved or copied: its artifacts are now looked for in %s, no "
                    "longer in %s", database, new, _path(place),
                )  # fmt: skip


def _locked(database: Path) -> FileLock:
    return lock(database.with_name(f"{database.name}.noise_exp-lock"))


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def _places(connection: sqlite3.Connection) -> list[str]:
    """Return the places of experiments on this machine whose name is that of ours."""
    try:
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    except sqlite3.OperationalError:  # no store of MLflow's, which will say so itself
        return []
    paths = {place: _path(place) for (place,) in rows if place}
    return [place for place, path in paths.items() if path and path.name == ARTIFACTS]


def _is_elsewhere(connection: sqlite3.Connection, place: str, database: Path) -> bool:
    """Whether a place has come to `database`: its artifacts lie there, or nowhere and are ours."""
    old, new = Path(str(_path(place))), database.parent / ARTIFACTS
    if is_same_file(old, new) or is_same_file(old.parent / database.name, database):
        return False
    runs = connection.execute(
        "SELECT run_uuid FROM runs WHERE substr(artifact_uri, 1, length(?1) + 1) = ?1 || '/'",
        (place,),
    ).fetchall()
    if any((new / run).exists() for (run,) in runs):
        return True
    ours = connection.execute(
        "SELECT 1 FROM experiments JOIN experiment_tags USING (experiment_id) "
        "WHERE artifact_location = ? AND key = ?", (place, VIEW + SWEEPS),
    ).fetchone()  # fmt: skip
    stayed = any((old / run).exists() for (run,) in runs)
    if ours and stayed and any(map(_is_sqlite, old.parent.iterdir())):
        raise UserError(
            f"the store beside {new} is a copy without its artifacts, which are those of the store "
            f"in {old.parent}; copy {old} to {new} as well"
        )
    return bool(ours and not stayed)


def _refuse_living(connection: sqlite3.Connection, database: Path, place: str) -> None:
    """Refuse a store with a run at work: in a container it has another path, and is one store."""
    living = connection.execute(
        "SELECT run_uuid FROM runs JOIN tags USING (run_uuid) WHERE status = 'RUNNING' "
        "AND key = 'heartbeat' AND CAST(value AS INTEGER) > ?", (time.time() - SILENCE_SECONDS,),
    ).fetchone()  # fmt: skip
    if living:
        raise UserError(
            f"the store {database} is used as that of {Path(str(_path(place))).parent} by run "
            f"{living[0]}, which is alive; use it by that path, or wait until the run has ended "
            f"(if it was killed, {SILENCE_SECONDS:.0f} s)"
        )


def _rewrite(connection: sqlite3.Connection, old: str, new: str) -> None:
    """Put a place in the place of another, and all below it."""
    for table, column in _COLUMNS:
        known = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
        if (column,) in known:
            connection.execute(
                f"UPDATE {table} SET {column} = ?1 || substr({column}, length(?2) + 1) "
                f"WHERE {column} = ?2 OR substr({column}, 1, length(?2) + 1) = ?2 || '/'",
                (new, old),
            )


def _path(place: str) -> Path | None:
    """Return the folder of a place; None if it is on no disk of this machine."""
    parts = urlsplit(place)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(url2pathname(parts.path))
    return path if (path := Path(place)).is_absolute() else None


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False
