"""What is secret in a URI, and known secrets taken out of texts that leave the process.

A secret is known if it is in the environment: as a variable named like one, or within a URI there.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
_SHORTEST = 5  # characters of a secret that is looked for as such, whatever stands around it
_WORDS = "password|passwd|pwd|passphrase|token|secret|credential"
_KEYS = r"(?:[\w.-]*[_.-])?(?:api|access|account|private|secret|shared)[_-]?key"
_NAMED = re.compile(
    rf"(?:.*[./@])?(?:(?:[\w-]*(?:{_WORDS})|{_KEYS})s?\d*|(?:secrets|passwords)[./@].*)",
    re.IGNORECASE,
)
_NO_SECRETS = ("", "null", "none", "???", "true", "false")
_NUMBER = re.compile(r"[-+.\de]+", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_IN_QUERY = ("auth", "key", "sig", "signature")
_ODBC = re.compile(r"(\w+)\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)")
_stores: set[str] = set()  # URIs that were not in this process's environment

Secret = tuple[str, str, str]  # what stands before it, itself, and what stands after it


class Formatter(logging.Formatter):
    """Formats log records without known secrets, those of tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))


def secrets_in(name: str, text: str) -> Iterator[Secret]:
    """Yield what is secret in a value: all of it, if its name says so, and parts of its URIs.

    A name says so if it ends in password, passwd, pwd, passphrase, token, secret, credential or
    api, access, account, private, secret or shared key, or a plural of these. Truth values are no
    secrets, nor are numbers of tokens, and what is masked already.
    """
    bare = text.strip(" '\"")
    if (
        _NAMED.fullmatch(name)
        and not (HIDDEN in bare or bare.lower() in _NO_SECRETS)
        and not ("token" in name.lower() and _NUMBER.fullmatch(bare))
    ):
        yield "", bare, ""
    for scheme in _SCHEME.finditer(text):
        for secret in _secrets_of(scheme[1], text[scheme.end() :]):
            if secret[1] and HIDDEN not in secret[1]:
                yield secret


def _secrets_of(scheme: str, rest: str) -> Iterator[Secret]:
    """Yield what may be secret in a URI, as any of the libraries that read one may take it.

    SQLAlchemy ends a password at the first @, urllib at the last one before a slash: where people
    have not encoded such signs, errors tell either.
    """
    user = user_info(scheme, rest)
    for at in re.finditer("@|$", user):
        name, colon, password = user[: at.start()].partition(":")
        if password:
            yield ":", password, "@"
        elif _is_http(scheme):  # a token, as of a hosted service
            yield "//", name, f"{colon}@"
    for pair in rest.partition("?")[2].split("&"):
        key, _, value = pair.partition("=")
        if key.lower() in _IN_QUERY or _NAMED.fullmatch(key):
            yield f"{key}=", value, ""
        elif key.lower() == "odbc_connect":
            for part, secret in _ODBC.findall(unquote_plus(value)):
                if _NAMED.fullmatch(part):
                    yield f"{key}=", value, ""
                    yield f"{part}=", secret, ""


def user_info(scheme: str, rest: str) -> str:
    """Return what stands before the host of a URI, given what stands before and after its ://.

    The last @ ends it, as a password may hold any sign, and people type it as it is.
    """
    authority = re.split(r"[/?#\s]", rest, maxsplit=1)[0]
    _, colon, port = authority.rpartition("]")[2].partition(":")
    # What looks like a port, but is none, is a password with a slash in it.
    spelt_out = colon and not (port.isdecimal() and _is_http(scheme))
    return rest.rpartition("@")[0] if authority and ("@" in authority or spelt_out) else ""


def _is_http(scheme: str) -> bool:
    return scheme.lower().endswith(("http", "https"))


def masked(uri: str) -> str:
    """Return a URI with *** for its passwords and tokens."""
    return _replaced(uri, {"".join(s): f"{s[0]}{HIDDEN}{s[2]}" for s in secrets_in("", uri)})


def redacted(text: str) -> str:
    """Return a text, such as a library's error, with *** for all secrets that are known."""
    return _replaced(text, _known((*os.environ.items(), *(("", uri) for uri in _stores))))


def remember(uri: str) -> None:
    """Let the secrets of a store be known that another process has passed on."""
    if uri not in os.environ.values():
        _stores.add(uri)


@lru_cache(1)
def _known(values: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return what to write in the place of known secrets, in all forms that they may have."""
    known = [(name, value) for name, value in values if name not in ("PWD", "OLDPWD")]
    uris = (value for name, value in known if _SCHEME.match(value) and not _NAMED.fullmatch(name))
    in_the_open = " ".join(map(masked, uris))  # as postgres is, scheme, user and password in one
    places = {}
    for before, secret, after in (s for pair in known for s in secrets_in(*pair)):
        for form in _forms(secret):
            if before:
                places[f"{before}{form}{after}"] = f"{before}{HIDDEN}{after}"
            if len(form) >= _SHORTEST and form not in in_the_open:
                places[form] = HIDDEN
    return places


def _forms(secret: str) -> set[str]:
    """Return a secret as it was given, as it is meant, and as libraries and logs write it."""
    plain = {form(s) for s in (secret, secret.strip("{}")) for form in (str, unquote, unquote_plus)}
    again = {quote(s, safe) for s in plain for safe in ("", "/", " +", ":%")}
    again |= {form(s) for s in plain for form in (quote_plus, json.dumps, repr)}
    return plain | {s.strip("'\"") for s in again}


def _replaced(text: str, places: dict[str, str]) -> str:
    for place in sorted(places, key=len, reverse=True):
        text = text.replace(place, places[place])
    return text
