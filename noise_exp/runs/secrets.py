"""Passwords and tokens: refused wherever they would be kept or shown, but in the environment."""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from noise_exp.errors import UserError
from noise_exp.redaction import HIDDEN, masked, remember, secrets_in, user_info

_STORE = "set MLFLOW_TRACKING_URI instead, or MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN"
# Without a default, which would be a literal.
_INTERPOLATION = re.compile(r"\$\{[^{},]*(?:,\s*(?:null|''|\"\")?\s*)?\}")
_IN_BRACES = re.compile(r"[{,]\s*['\"]?([\w.@/-]+)['\"]?\s*:\s*([^,{}\]]*)")


def check_arguments(arguments: Sequence[str]) -> None:
    """See that a command line holds no secret: `ps` shows it, and Hydra writes it into files.

    Raises
    ------
    UserError
        If it does; it says where, but not what.
    """
    for before, argument in pairwise(["", *arguments]):
        text = _INTERPOLATION.sub(HIDDEN, argument)
        key, _, value = text.partition("=")
        if not re.fullmatch(r"[\w.@+-]+", key):
            key, value = before, ""
        for name, given in ((key, value), ("", text), *_IN_BRACES.findall(text)):
            _refuse(key.lstrip("+"), name, given)


def check(config: Any) -> None:
    """See that a configuration, as plain mappings, lists and values, holds no secret.

    Raises
    ------
    UserError
        If it does; it says where, but not what.
    """
    for key, value in _leaves("", config):
        _refuse(key, key, _INTERPOLATION.sub(HIDDEN, str(value)))


def _leaves(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _leaves(f"{key}.{name}".lstrip("."), value)
    elif isinstance(node, list):
        for value in node:
            yield from _leaves(key, value)
    else:
        yield key, node


def _refuse(where: str, name: str, value: str) -> None:
    if not any(secrets_in(name, value)):
        return
    advice = f"put it into an environment variable, NAME, and write '{where}=${{oc.env:NAME}}'"
    if where.endswith("uri"):
        advice = _STORE
    raise UserError(
        f"{where or 'the command line'} holds a secret, which files and the list of processes "
        f"would show; {advice}"
    )


def completed(uri: str) -> str:
    """Return a store's URI as it can be read, with its secrets where they were masked.

    The environment holds them, perhaps with another user and password by now.

    Raises
    ------
    UserError
        If it does not.
    """
    if HIDDEN in uri:
        found = [value for value in os.environ.values() if _place(value) == _place(uri)]
        if not found:
            raise UserError(
                f"{uri} has {HIDDEN} in the place of a secret, which is kept nowhere; set "
                "MLFLOW_TRACKING_URI to the whole URI"
            )
        uri = max(found, key=lambda value: masked(value) == uri)
    remember(uri)
    return uri


def _place(uri: str) -> str:
    """Return a URI without its user, and without what is secret elsewhere in it."""
    scheme, _, rest = masked(uri).partition("://")
    return f"{scheme}://{rest.removeprefix(user_info(scheme, rest)).removeprefix('@')}"
