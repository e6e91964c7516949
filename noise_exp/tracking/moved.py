"""A SQLite store that was moved or copied with its folder: MLflow keeps absolute paths in it.

MLflow has no call that changes where a run's artifacts are, so its tables are rewritten here; else
a store that is moved would lose its artifacts, and a copy would write among its original's.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from noise_exp.errors import UserError
from noise_exp.records.lock import Lock
from noise_exp.tracking import views
from noise_exp.tracking.delivery import HEARTBEAT_SECONDS
from noise_exp.tracking.places import file_of, is_same_file

ARTIFACTS = "artifacts"  # beside the store, where its experiments are made
_SILENCE_SECONDS = 9 * HEARTBEAT_SECONDS  # a beat may be late
# Where MLflow keeps places of artifacts.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)

log = logging.getLogger(__name__)


def mend(uri: str) -> None:
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
    new = database.parent / ARTIFACTS
    with _opened(database) as connection:
        places = _places(connection, new)
        if not any(_is_elsewhere(connection, place, database) for place in places):
            return
    with Lock(lock_of(database)), _opened(database) as connection:
        for place in _places(connection, new):  # anew: another process may have been first
            if _is_elsewhere(connection, place, database):
                _refuse_living(connection, database, place)
                _rewrite(connection, place, new.as_uri())
                log.warning(
                    "The store %s was moved or copied: its artifacts are now looked for in %s, no "
                    "longer in %s", database, new, _path(place),
                )  # fmt: skip


def lock_of(database: Path) -> Path:
    """Return the file that is locked while a store is made or mended."""
    return database.with_name(f"{database.name}.noise_exp-lock")


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for one transaction."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        yield connection


def _places(connection: sqlite3.Connection, new: Path) -> list[str]:
    """Return the places of experiments whose name is that of ours but which are not `new`."""
    try:
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    except sqlite3.OperationalError:  # no store of MLflow's, which will say so itself
        return []
    paths = {place: _path(place) for (place,) in rows if place and place != new.as_uri()}
    return [p for p, path in paths.items() if path and path.name == ARTIFACTS and path != new]


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
        "WHERE artifact_location = ? AND key = ?", (place, views.TAG + views.SWEEPS),
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
        "AND key = 'heartbeat' AND CAST(value AS INTEGER) > ?", (time.time() - _SILENCE_SECONDS,),
    ).fetchone()  # fmt: skip
    if living:
        raise UserError(
            f"the store {database} is used as that of {Path(str(_path(place))).parent} by run "
            f"{living[0]}, which is alive; use it by that path, or wait until the run has ended "
            f"(if it was killed, {_SILENCE_SECONDS:.0f} s)"
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
