"""Passwords and tokens: kept in the process, and masked in whatever leaves it.

Only one place holds the whole URI of a store: the environment variable `MLFLOW_TRACKING_URI`. What
is configured, written, logged and printed holds `***` in the place of its secrets.
"""

import logging
import os
import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, unquote_plus

from noise_exp.errors import UserError

HIDDEN = "***"
ADVICE = (
    "tracking.uri holds a secret: no file keeps it, but whoever lists this machine's processes "
    "sees it; set MLFLOW_TRACKING_URI instead, or MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
)
_VARIABLE = "MLFLOW_TRACKING_URI"
_SHORTEST = 5  # characters of a secret that is looked for as such, whatever stands around it
_WORD = r"[\w.-]*(?:password|passwd|pwd|passphrase|token|secret|credentials?)\d*"
_KEY = r"(?:[\w.-]*[_.-])?(?:api|access|account|private|secret|shared)[_-]?key"
# Where a value ends: before the next, or before what a sentence or a quotation puts behind it.
_END = r"""(?=['"`),.:;\]}>]*(?:[&\s]|$))"""
# The last @ counts, as a password may hold any sign; where nothing is before the path, no user is.
_USER = re.compile(r"([a-z][a-z0-9+.-]*://)(?!/)(\S*)@", re.IGNORECASE)
_ENCODED_USER = re.compile(r"(%3A%2F%2F)(?!%2F)\S*(?=%40)", re.IGNORECASE)
_QUERY = re.compile(
    rf"([?&;](?:{_WORD}|{_KEY}|(?:[\w.-]*[_.-])?(?:ssl)?key|auth|sig(?:nature)?|odbc_connect)=)([^&\s]*?){_END}",
    re.IGNORECASE,
)
_ODBC = re.compile(
    r"((?:[;=]|%3B|%3D)(?:pwd|password|accesstoken)(?:=|%3D))"
    rf"(\{{[^}}]*\}}|%7B.*?%7D|[^;&\s]*?)(?:(?=;|%3B)|{_END})",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(rf"(?:.*[./@])?(?:{_WORD}|{_KEY})", re.IGNORECASE)
_known: set[str] = set()  # of this process's stores
_exposed: set[str] = set()


class Formatter(logging.Formatter):
    """Formats log records without secrets, those of tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return scrubbed(super().format(record))


def masked(text: str) -> str:
    """Return a URI, or a text with URIs in it, with *** for user info, passwords and tokens."""
    text = _ENCODED_USER.sub(rf"\1{HIDDEN}", _ODBC.sub(rf"\1{HIDDEN}", text))
    return re.sub(r"\S*/\S*", lambda word: _masked_word(word.group()), text)


def _masked_word(word: str) -> str:
    word = _USER.sub(rf"\1{HIDDEN}@", word)
    return _QUERY.sub(rf"\1{HIDDEN}", word)


def scrubbed(text: str) -> str:
    """Return a text of anybody's, such as an error's, without secrets in any place.

    Those that this process knows, and those that its environment names so, are found in the middle
    of other words too.
    """
    text = masked(text)
    known = _known | _parts(os.environ.get(_VARIABLE, ""))
    named = (name for name in os.environ if _SECRET_KEY.fullmatch(name))
    known |= {os.environ[name] for name in named if name not in ("PWD", "OLDPWD")}
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
    return text


def remember(uri: str) -> None:
    """Let `scrubbed` know the secrets of a store."""
    _known.update(_parts(uri))


def _parts(uri: str) -> set[str]:
    found = [secret for _, secret in _QUERY.findall(uri)]
    found += [secret for whole in found for _, secret in _ODBC.findall(unquote_plus(whole))]
    for _, user in _USER.findall(uri):
        name, _, password = user.partition(":")
        found.append(password or name)
    return {form(secret) for secret in found for form in (str, unquote, unquote_plus)}


def encoded(uri: str) -> str:
    """Return a URI whose user info, if any, is what it was meant to be to all who parse it."""
    closed = re.sub(r"\s", "%20", uri.strip())
    if masked(closed) == closed:
        return uri
    scheme, _, rest = closed.partition("://")
    authority = re.split(r"[/?#]", rest)[0]
    # A password with a slash in it: what comes before the slash looks like a port, but is none.
    if scheme in ("http", "https") and "@" not in authority and re.search(r":(?!\d*$)", authority):
        user, _, host = rest.rpartition("@")
        return f"{scheme}://{quote(user, safe=':%')}@{host}" if user else closed
    return closed


def completed(uri: str) -> str:
    """Return a URI with its secrets, where they were masked: the environment holds them.

    Raises
    ------
    UserError
        If it does not.
    """
    whole = encoded(os.environ.get(_VARIABLE, ""))
    if HIDDEN not in uri:
        return encoded(uri)
    if masked(whole) != masked(uri):
        raise UserError(
            f"{uri} has {HIDDEN} in the place of a secret, which is kept nowhere; set {_VARIABLE} "
            "to the whole URI"
        )
    return whole


def withheld(uri: str) -> str:
    """Return a store's URI without its secrets, and keep them in the environment."""
    uri = encoded(uri)
    hidden = masked(uri)
    if hidden != uri:
        os.environ[_VARIABLE] = uri
        if _parts(uri):
            _exposed.add(uri)
    return hidden


def exposed(uri: str) -> bool:
    """Whether the command line or a file told this process a store's secret."""
    return uri in _exposed


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return a command line as Hydra may see, print and write it: without the store's secrets.

    Raises
    ------
    UserError
        If there are others on it: there is nowhere to keep them.
    """
    return [_without_secret(argument) for argument in arguments]


def _without_secret(argument: str) -> str:
    key, _, value = argument.partition("=")
    name = key.lstrip("+")
    if argument.startswith("-") or not value:
        return argument
    if name == "tracking.uri":
        bare = value[1:-1] if value[0] == value[-1] and value[0] in "'\"" else value
        hidden = withheld(bare)
        return f'{key}="{hidden}"' if hidden != bare else argument
    if (_SECRET_KEY.fullmatch(name) and value not in ("null", HIDDEN) and "${" not in value) or (
        masked(argument) != argument
    ):
        raise UserError(
            f"{name} is given a secret, which Hydra would write into files; put it into an "
            f"environment variable, NAME, and write '{name}=${{oc.env:NAME}}'"
        )
    return argument
