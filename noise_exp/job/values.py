"""Whether a configuration is whole: all keys there, and all values to be had, and text as text."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pkgutil import resolve_name
from typing import Any, get_type_hints

from omegaconf import Container, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from noise_exp.errors import UserError
from noise_exp.job.config import Config, NetworkConfig, SeedsConfig, TrackingConfig
from noise_exp.job.config_errors import about_key, no_such_key

_MISSING = MissingMandatoryValue, InterpolationToMissingValueError
_SCHEMA: dict[str, Any] = {
    "": Config,
    "seeds": SeedsConfig,
    "network": NetworkConfig,
    "tracking": TrackingConfig,
}
# What is checked by itself, and what was typed, which is checked as what it sets.
_APART = "hydra", "overrides", "override_dirname"


def check(cfg: Any) -> None:
    """See that a configuration has all keys of `Config` and no others, and that all have values.

    Parameters
    ----------
    cfg
        It may hold `hydra`, which is passed over.

    Raises
    ------
    UserError
        If a key was taken out or added, or a value cannot be had or is of the wrong kind.
    """
    for group, cls in _SCHEMA.items():
        keys, known = [*(cfg.get(group, ()) if group else cfg)], [*cls.__dataclass_fields__]
        for key in known:
            if key not in keys:
                raise UserError(f"{key} cannot be left out: write {key}=... instead of ~{key}")
        for key in keys:
            if key not in known and key != "hydra":
                name = f"{group}.{key}".lstrip(".")
                raise UserError(f"{name}: {no_such_key(name, OmegaConf.structured(Config))}")
    check_values(cfg)
    require_text(cfg.tracking, ("uri", "experiment"), "tracking")


def check_values(node: Container, *, missing_ok: bool = False) -> None:
    """See that all values below a node can be had.

    Raises
    ------
    UserError
        If one cannot.
    """
    try:
        OmegaConf.to_container(node, resolve=True, throw_on_missing=not missing_ok)
    except OmegaConfBaseException:
        _find_bad_value(node, missing_ok)


def _find_bad_value(node: Container, missing_ok: bool) -> None:
    groups = []  # last: what they take from a key beside them is a fault of that key
    for key in range(len(node)) if isinstance(node, ListConfig) else node:
        try:
            value = None if key in _APART else node[key]
        except OmegaConfBaseException as error:
            if not (missing_ok and isinstance(error, _MISSING)):
                raise UserError(about_key(error)) from None
        else:
            groups += [value] if isinstance(value, Container) else []
    for group in groups:
        _find_bad_value(group, missing_ok)


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
