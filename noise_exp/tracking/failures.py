"""What went wrong with a store, and whether it will pass: in a few words."""

import re
from http import HTTPStatus

from mlflow.exceptions import MlflowException
from requests import HTTPError
from requests.exceptions import ProxyError

from noise_exp.redaction import redacted
from noise_exp.tracking.internals import is_of_gateway

_PASSING = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE", "RESOURCE_CONFLICT")
_GIST_LENGTH = 200
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_CURE = re.compile(r"\bmlflow [a-z]|\bMLFLOW_[A-Z_]+=")
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
    refused = 400 <= error.get_http_status_code() < 500 and error.error_code not in _PASSING
    return refused and not is_of_gateway(error)


def is_of_content(error: MlflowException | HTTPError) -> bool:
    """Whether what was sent is refused for what it is: any other content may be taken."""
    if isinstance(error, HTTPError):  # of an artifact
        return error.response is not None and error.response.status_code in (400, 413)
    return is_final(error) and error.get_http_status_code() == 400


def reason(error: BaseException) -> str:
    """Return the gist of what can be cured, or of what is at the bottom, without secrets."""
    while not cure(error) and (
        below := error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    ):
        error = below
    return _gist(error)


def cure(error: BaseException) -> str | None:
    """Say what a store lacks where the user can give it: a module, a password, a permission."""
    if isinstance(error, ProxyError):
        return (
            "the proxy that http_proxy or https_proxy names does not let us through; put a server "
            "that needs none into no_proxy"
        )
    if isinstance(error, ImportError):
        package = _PACKAGES.get(error.name or "")
        return f"it needs pip install '{package}'" if package else None
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


def _gist(error: BaseException) -> str:
    """Return a cure, or the first sentence and those that name a command or setting of MLflow."""
    if known := cure(error):
        return known
    text = redacted(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
    first, *more = _SENTENCES.split(text)
    told = [first.removesuffix(".")[:_GIST_LENGTH]]
    told += [sentence.removesuffix(".") for sentence in more if _CURE.search(sentence)]
    return ". ".join(told)
