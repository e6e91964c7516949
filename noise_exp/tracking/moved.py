"""A SQLite store that was moved or copied with its folder: MLflow keeps absolute paths in it."""

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from noise_exp.errors import UserError
from noise_exp.records.lock import Lock
from noise_exp.tracking import views
from noise_exp.tracking.places import SQLITE

ARTIFACTS = "artifacts"  # beside the store, where its experiments are made
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
    when its store was moved.

    Raises
    ------
    UserError
        If it is a copy that would write among the artifacts of its original.
    OSError, sqlite3.Error
        If it cannot be written.
    """
    database = Path(uri.removeprefix(SQLITE))
    if not uri.startswith(SQLITE) or not database.is_file():
        return
    new = database.parent.absolute() / ARTIFACTS
    with _opened(database) as connection:
        if not any(_is_elsewhere(connection, place, new) for place in _places(connection, new)):
            return
    with Lock(lock_of(database)), _opened(database) as connection:
        for place in _places(connection, new):  # anew: another process may have been first
            if _is_elsewhere(connection, place, new):
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
    paths = {place: _path(place) for (place,) in rows if place}
    return [p for p, path in paths.items() if path and path.name == ARTIFACTS and path != new]


def _is_elsewhere(connection: sqlite3.Connection, place: str, new: Path) -> bool:
    """Whether a place has become `new`: artifacts are there, or nowhere and it was made by us."""
    old = Path(str(_path(place)))
    if old.resolve() == new.resolve():
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
        return Path(unquote(parts.path))
    return Path(place) if place.startswith("/") else None


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False
