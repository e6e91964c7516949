"""What went wrong with a store, and whether it will pass: in a few words."""

import re

from mlflow.exceptions import MlflowException
from requests import HTTPError

from noise_exp.redaction import redacted
from noise_exp.tracking.internals import is_of_gateway

_PASSING = ("REQUEST_LIMIT_EXCEEDED", "TEMPORARILY_UNAVAILABLE", "RESOURCE_CONFLICT")
_GIST_LENGTH = 200
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\s*\n\s*")
_TELLING = re.compile(r"\bmlflow [a-z]|\bMLFLOW_[A-Z_]+=|^Response body: ")


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
    """Return the gist of what is at the bottom, without secrets.

    It is the first sentence, and those that hold a server's answer or name a command or setting of
    MLflow.
    """
    while below := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = below
    text = redacted(str(getattr(error, "orig", None) or error)).strip() or type(error).__name__
    first, *more = _SENTENCES.split(text)
    kept = [first, *(sentence for sentence in more if _TELLING.search(sentence))]
    return ". ".join(sentence.removesuffix(".")[:_GIST_LENGTH] for sentence in kept)
