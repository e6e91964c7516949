"""Where stores on this machine are, so that no output goes into one: without MLflow's import."""

import os
import re
from pathlib import Path

from noise_exp.errors import UserError
from noise_exp.runs.secrets import completed

DEFAULT_URI = "sqlite:///mlruns/mlflow.db"
_FILE = re.compile(r"sqlite(?:\+pysqlite)?:///([^?]*)")
# What belongs to a store beside its database: artifacts, ours and those of MLflow's server.
_OF_STORES = ((), ("artifacts",), ("mlartifacts",))


def located(uri: str | None) -> tuple[str, str]:
    """Return a store's URI as it was given, and for any folder; None is the usual one."""
    given = completed(trimmed(uri) or setting("MLFLOW_TRACKING_URI") or DEFAULT_URI)
    database = file_of(given)
    if database is None:
        return given, given
    absolute = uri_of(database)
    if "~" in given:  # which no other program replaces
        given = absolute
    return given, f"{absolute}{''.join(given.partition('?')[1:])}"


def setting(name: str) -> str:
    """Return an environment variable, trimmed; empty where there is none."""
    return trimmed(os.environ.get(name))


def trimmed(text: str | None) -> str:
    """Return a name without what an editor or a .env file from Windows puts around it.

    That is white space, a carriage return for one, and the mark that begins some files.
    """
    return re.sub(r"^[\s\ufeff]+|[\s\ufeff]+$", "", text or "")


def file_of(uri: str) -> Path | None:
    """Return the file of a SQLite store, from the root on; ~ is the user's home, as in a shell."""
    if not (match := _FILE.match(uri)):
        return None
    path = match[1]
    if "%" in path:  # which one version of SQLAlchemy decodes and another does not
        from sqlalchemy import make_url

        path = make_url(match[0]).database or ""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise UserError(f"{uri}: there is no home folder for ~; give the whole path") from None


def uri_of(database: Path) -> str:
    """Return the URI of a SQLite store's file.

    Raises
    ------
    UserError
        If this version of SQLAlchemy has none for it.
    """
    uri = f"sqlite:///{database}"
    if not {"%", "?"} & {*uri}:
        return uri
    from sqlalchemy import URL, make_url  # slow, and rarely needed

    if make_url(uri).database != str(database):
        # By the driver's name: else MLflow makes a folder of the URI's path as it is, encoded.
        uri = URL.create("sqlite+pysqlite", database=str(database)).render_as_string()
    if make_url(uri).database != str(database):
        raise UserError(
            f"no URI leads to {database}, for the ? in its name: set tracking.uri to a store in "
            "another folder, or rename this one"
        )
    return uri


def is_same(uri: str, other: str) -> bool:
    """Whether two URIs are of one store; a file may be seen under two paths."""
    one, another = file_of(uri), file_of(other)
    return uri == other or bool(one and another and is_same_file(one, another))


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file or folder, as through a link or in a bind mount."""
    try:
        return path.samefile(other)
    except OSError:  # one of them leads nowhere
        return False


def is_served(uri: str) -> bool:
    """Whether a server answers for the store, which has a UI then."""
    return uri.startswith(("http://", "https://"))


def refuse_store(folder: Path, uri: str | None, key: str) -> None:
    """Refuse a folder for output that is a store's; `key` says where to go instead.

    Parameters
    ----------
    folder
        It need not exist.
    uri
        The store in use; None for the environment's or the default.

    Raises
    ------
    UserError
        If a store's database lies in the folder, or the folder among a store's artifacts.
    """
    real, database = folder.resolve(), file_of(located(uri)[1])
    for place in (real, *real.parents):
        inside = real.relative_to(place).parts
        known = database is not None and database.parent.resolve() == place
        if (known or (place / "mlflow.db").is_file()) and inside[:1] in _OF_STORES:
            raise UserError(
                f"the folder {folder} belongs to the tracking store in {place}; set {key} to "
                "another"
            )
