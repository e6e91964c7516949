"""What went wrong with a store, and whether it will pass: in a few words."""

import re
from http import HTTPStatus

from mlflow.exceptions import MlflowException, RestException
from requests import HTTPError

from noise_exp.redaction import redacted

_PASSING = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE", "RESOURCE_CONFLICT")
_GIST_LENGTH = 200
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_CURE = re.compile(r"\bmlflow [a-z]|\bMLFLOW_[A-Z_]+=")
_NOT_JSON = "API request to "  # how MLflow begins to tell of an answer that is not its server's
_PASSWORD = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
# What pip installs, by the module that a store needs.
_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "pymysql": "pymysql",
    "pyodbc": "pyodbc",
    "boto3": "boto3",
}


def is_final(error: MlflowException) -> bool:
    """Whether MLflow itself has refused; what stands before a server may answer 4xx as well."""
    if isinstance(error, RestException):
        own = isinstance(error.json.get("error_code"), str)
    else:
        own = not error.message.startswith(_NOT_JSON)
    return own and 400 <= error.get_http_status_code() < 500 and error.error_code not in _PASSING


def is_of_content(error: MlflowException | HTTPError) -> bool:
    """Whether what was sent is refused for what it is: any other content may be taken."""
    if isinstance(error, HTTPError):  # of an artifact
        return error.response is not None and error.response.status_code in (400, 413)
    return is_final(error) and error.get_http_status_code() == 400


def reason(error: BaseException) -> str:
    """Return the gist of what is at the bottom of an error, without secrets."""
    while below := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = below
    return gist(error)


def cure(error: BaseException) -> str | None:
    """Say what a store lacks where the user can give it: a module, a password, a permission."""
    if isinstance(error, ImportError):
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if str(error).startswith("no pq wrapper"):  # psycopg is there, and no libpq for it
            missing = "psycopg"
        return f"it needs pip install '{_PACKAGES[missing]}'" if missing in _PACKAGES else None
    if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_DBMOVED":
        return "its file was deleted or moved away; put it back"
    if isinstance(error, MlflowException):
        status = error.get_http_status_code()
    else:  # an HTTPError of an artifact's has it
        status = getattr(getattr(error, "response", None), "status_code", None)
    if status == HTTPStatus.UNAUTHORIZED:
        return f"it wants a valid user and password; set {_PASSWORD}"
    if status == HTTPStatus.FORBIDDEN:
        said = redacted(str(error)).rpartition("Response body: ")[2].strip("'")[:_GIST_LENGTH]
        return f"this user may not do that ({said}); ask for the permission, or set {_PASSWORD}"
    return None


def gist(error: BaseException) -> str:
    """Return a cure, or the first sentence and those that name a command or setting of MLflow."""
    if known := cure(error):
        return known
    text = redacted(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
    first, *more = _SENTENCES.split(text)
    told = [first.removesuffix(".")[:_GIST_LENGTH]]
    told += [sentence.removesuffix(".") for sentence in more if _CURE.search(sentence)]
    return ". ".join(told)
