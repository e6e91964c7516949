"""What went wrong with a store, and whether it will pass: in a few words."""

import re

from mlflow.exceptions import MlflowException, RestException
from requests import HTTPError

from noise_exp.redaction import redacted

_PASSING = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE", "RESOURCE_CONFLICT")
_GIST_LENGTH = 200
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_CURE = re.compile(r"\bmlflow [a-z]|\bMLFLOW_[A-Z_]+=")
_NOT_JSON = "API request to "  # how MLflow begins to tell of an answer that is not its server's


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


def gist(error: BaseException) -> str:
    """Return an error's first sentence, and those that name a command or a setting of MLflow."""
    text = redacted(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
    first, *more = _SENTENCES.split(text)
    told = [first.removesuffix(".")[:_GIST_LENGTH]]
    told += [sentence.removesuffix(".") for sentence in more if _CURE.search(sentence)]
    return ". ".join(told)
