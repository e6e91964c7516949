"""Whether a configuration is whole: all keys there, and all values to be had, and text as text."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pkgutil import resolve_name
from typing import Any, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.errors import UserError
from noise_exp.job.config import Config
from noise_exp.job.config_errors import words


def check(cfg: Any) -> None:
    """See that a configuration has all keys of `Config` and no others, and that all have values.

    Raises
    ------
    UserError
        If a key was taken out or added, or a value cannot be had or is of the wrong kind.
    """
    try:
        whole = OmegaConf.merge(_schema(), OmegaConf.to_container(cfg))
        OmegaConf.to_container(whole, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(words(error)) from None
    require_text(cfg.tracking, ("uri", "experiment"), "tracking")


@cache
def _schema() -> Any:
    return OmegaConf.structured(Config)  # 3 ms, of every job of a sweep


def require_text(values: Mapping[str, Any], names: Sequence[str], group: str) -> None:
    """See that what takes text holds text.

    Raises
    ------
    UserError
        If it holds a number, whose spelling is lost.
    """
    for name in names:
        if is_plain(value := values.get(name)):
            raise UserError(
                f"{group}.{name} must be text, got {value}, which YAML reads as a "
                f"{type(value).__name__}: put what you mean in quotes"
            )


def class_of(target: str) -> type:
    """Return the class that a `_target_`, as in module.Class, names.

    Raises
    ------
    ValueError
        If it names none, or its module cannot be imported.
    """
    try:
        found = resolve_name(":".join(target.rsplit(".", 1)))
    except SystemExit as error:
        raise ValueError(f"{target} ended the program (exit code {error.code})") from None
    except Exception as error:  # whatever the user's own module does
        raise ValueError(f"{target}: {type(error).__name__}: {error}") from None
    if not isinstance(found, type):
        raise ValueError(f"{target} is no class")
    return found


@cache
def texts_of(cls: type) -> tuple[str, ...]:
    """Return the keys of a class that take text."""
    hints: dict[str, Any] = {}
    with suppress(Exception):  # of the user's own class: OmegaConf has words for it
        hints = get_type_hints(cls)
    return tuple(name for name, kind in hints.items() if kind in (str, str | None))


def is_plain(value: object) -> bool:
    """Whether a value is no text, and reads like one."""
    return isinstance(value, int | float)  # or true and false
