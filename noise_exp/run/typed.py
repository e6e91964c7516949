"""Text as it was typed: Hydra and YAML read a name such as 2026_11_25 as a number."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pkgutil import resolve_name
from typing import Any, get_type_hints

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep
from omegaconf import DictConfig, OmegaConf

from noise_exp.errors import UserError

_OPTIONS = ("dist", "estimator", "optimizer", "data")  # whose keys a class decides


def keep_text(config: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Give the keys that take text what was typed for them; return the overrides, that in quotes.

    Parameters
    ----------
    config
        What was composed by the overrides.
    overrides
        As they were typed.
    """
    kept = []
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        text, value, key = str(override.input_line), override.value(), override.key_or_group
        if isinstance(value, ChoiceSweep):
            words = re.sub(r"^choice\((.*)\)$", r"\1", override.get_value_string()).split(",")
            quoted = list(map(_quoted, words, value.list))
            if len(words) == len(value.list) and quoted != words and _takes_text(config, key):
                text = f"{override.get_key_element()}={','.join(quoted)}"
        elif _is_plain(value) and _takes_text(config, key):
            typed = override.get_value_string().strip()
            OmegaConf.update(config, key, typed)
            text = f"{override.get_key_element()}='{typed}'"
        kept.append(text)
    return kept


def require_text(values: Mapping[str, Any], names: Sequence[str], group: str) -> None:
    """See that what takes text holds text.

    Raises
    ------
    UserError
        If it holds a number, whose spelling is lost.
    """
    for name in names:
        if _is_plain(value := values.get(name)):
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


def _takes_text(config: DictConfig, key: str) -> bool:
    group, _, name = key.partition(".")
    if group == "hydra":  # whose schema has made text of the number
        return isinstance(OmegaConf.select(config, key), str)
    if group == "tracking":
        return name in ("uri", "experiment")
    if group not in _OPTIONS or not name:
        return False
    with suppress(ValueError):  # told when it is made
        return name in texts_of(class_of(config[group].get("_target_", "")))
    return False


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float)  # or true and false


def _quoted(word: str, value: object) -> str:
    return f"'{word.strip()}'" if _is_plain(value) else word
