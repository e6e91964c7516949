"""What Hydra, OmegaConf, PyYAML and ANTLR raise, as one line about the configuration."""

import difflib
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationKeyError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from noise_exp.run.context import GROUPS
from noise_exp.run.launchers import EXTRAS

_LIBRARIES = ("hydra", "hydra_plugins", "omegaconf", "yaml", "antlr4")
_MAIN = ("config", "hydra/config")  # name no file of the user's
_NO_KEY = re.compile(r"Could not override '([^']*)'")


def explained(error: BaseException) -> str | None:
    """Say what the configuration must be instead; None where an error is none of its own."""
    loader, name, override = _composing(error)
    if isinstance(error, yaml.YAMLError | UnicodeError):
        return _about_text(error, _file(loader, name))
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override!r} cannot be read ({_words(error)}); write KEY=VALUE, and what has "
            "special signs in quotes of its own: 'KEY=\"VALUE\"'"
        )
    if isinstance(error, HydraException):
        return _of_hydra(error, loader, name)
    if isinstance(error, OmegaConfBaseException):
        return about_key(error)
    if isinstance(error, OSError):
        said = f"{error.filename or name} cannot be read ({error.strerror or error})"
        return said if loader else None
    if loader or _raised_in(error).partition(".")[0] in _LIBRARIES:
        return _of_composing(error, _file(loader, name), override)
    return None


def about_key(error: OmegaConfBaseException, group: str = "") -> str:
    """Say what a key must be; `group` is where the key is looked for."""
    key = ".".join(filter(None, (group, error.full_key))) or "the configuration"
    said = _words(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{key} must be given; write {key}=..."
    if isinstance(error, ConfigAttributeError | ConfigKeyError) and error.parent_node is not None:
        return f"{key}: {_unknown(key, error)}"
    if isinstance(error, InterpolationKeyError):
        return f"{key}: {said}; a value of ${{...}} must be another key's whole name"
    if isinstance(error, InterpolationResolutionError) and "Environment variable" in said:
        return f"{key}: {said}; set it, or give what to take without it by ${{oc.env:NAME,VALUE}}"
    return f"{key}: {said}"


def _composing(error: BaseException) -> tuple[ConfigLoader | None, str, Override | None]:
    """Return Hydra's loader, if it was at work, the name of what it was reading, and an override.

    Most errors of a file do not name it; the frames that they came through do.
    """
    loader, name, override = None, "", None
    for raised in filter(None, (error, error.__cause__)):
        for frame, _ in traceback.walk_tb(raised.__traceback__):
            if isinstance(frame.f_locals.get("self"), ConfigLoader):
                loader = frame.f_locals["self"]
            elif loader:
                name = frame.f_locals.get("config_path") or name
                given = frame.f_locals.get("override")
                override = given if isinstance(given, Override) else override
    return loader, name, override


def _raised_in(error: BaseException) -> str:
    """Return the module of the last frame."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1].f_globals.get("__name__", "") if frames else ""


def _file(loader: ConfigLoader | None, name: str) -> Path | None:
    """Return the file of a configuration on disk, unless it is the main one."""
    for source in loader.get_sources() if loader and name not in ("", *_MAIN) else ():
        if source.scheme() == "file" and source.is_config(name):
            return Path(source.path, f"{name}.yaml")
    return None


def _place(path: Path | None, text: str) -> str:
    """Return a file and the line in it where a pattern is found, as a message begins."""
    if path is None:
        return ""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    found = [i for i, line in enumerate(lines, 1) if text and re.search(text, line)]
    return f"{path}, line {found[0]}: " if found else f"{path}: "


def _about_text(error: yaml.YAMLError | UnicodeError, path: Path | None) -> str | None:
    """Say where a file is no YAML, or no text."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
        return (
            f"{mark.name}, line {mark.line + 1}: {error.problem or error.context}; YAML wants "
            "every key once, spaces and no tabs before it, and special signs in quotes"
        )
    if path is None:
        return None
    data = path.read_bytes()
    if isinstance(error, yaml.reader.ReaderError):
        start = len(data.decode()[: error.position].encode())
        said = str(error).partition("\n")[0]
    else:
        start, said = 0, ""
        try:
            data.decode()
        except UnicodeDecodeError as again:  # of the whole file, not of a part that was read
            start, said = again.start, f"the byte {data[again.start]:#04x} is not UTF-8"
    line = data.count(b"\n", 0, start) + 1
    return f"{path}, line {line}: {said}; save it as UTF-8 text"


def _of_composing(error: BaseException, path: Path | None, override: Override | None) -> str:
    """Say what Hydra stumbled over without a word of its own kind."""
    said = _words(error) or type(error).__name__
    if isinstance(error, KeyError) and _raised_in(error) == "os":
        return f"there is no environment variable {said}, which hydra.job.env_copy names"
    if header := re.search(r"'(@.*)'$", said):
        place = _place(path, re.escape(header[1]))
        return (
            f"{place}{said}; Hydra takes a first comment that begins with @ for its own, as in "
            "# @package NAME: write another sign before it"
        )
    if override:  # of an option, and it is no name
        key = override.key_or_group
        return f"{override.input_line}: {said}; write {key}=NAME, or ~{key} for none"
    return f"{_place(path, '^defaults *:')}{said}"


def _of_hydra(error: HydraException, loader: ConfigLoader | None, name: str) -> str:
    for plugin, extra in EXTRAS.items():
        if f"Could not find 'hydra/{plugin}'" in str(error):
            return f"this {plugin.partition('/')[0]} needs pip install 'noise-exp[{extra}]'"
    first = str(error).partition("\n")[0].rstrip(".")
    cause = error.__cause__ or error.__context__
    within = re.match(r"In '([^']*)': ", first)
    path = _file(loader, within[1] if within else name)
    if isinstance(error, MissingConfigException):
        option = str(error.missing_cfg_file).rpartition("/")[2]
        options = _options(loader, str(error.missing_cfg_file), error.options or ())
        return f"{_place(path, option)}{first}; {options}"
    said = _words(error)
    if isinstance(cause, OmegaConfBaseException):
        if match := _NO_KEY.match(first):
            return f"{match[0]}; {_unknown(match[1], cause)}"
        if not said:
            said = about_key(cause)
        elif within and within[1].partition("/")[0] == cause.full_key:
            said += "; begin the file with # @package _global_"
        elif within and isinstance(cause, ConfigKeyError | ConfigAttributeError):
            said += f"; {_unknown(str(cause.full_key), cause)}"
        elif not within:
            said += f": {_words(cause)}"
    if "does not support deletion" in said:
        said += "; a key cannot be left out: give it a value"
    if "Cannot assign str to Dict" in said or "str is not a subclass" in said:
        said += "; a file chooses an option in its defaults: - override /GROUP: NAME"
    key = re.search(r"full_key: (?:\S*\.)?(\w+)", f"{error}{cause}")
    return f"{_place(path, key[1] if key else '')}{said}"


def _words(error: BaseException) -> str:
    """Return what an error says, in one line, without OmegaConf's notes and Hydra's links."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(re.split(r"\n\s*(?:full_key:|See https:)", said)[0].split())


def _options(loader: ConfigLoader | None, missing: str, options: Any) -> str:
    """Say which option may have been meant, by its name or what its file names; else all."""
    group, _, name = missing.rpartition("/")
    close = [
        option
        for option in options
        if name and (_names(loader, f"{group}/{option}", name) or name.lower() in option)
    ]
    if close := close or difflib.get_close_matches(name.lower(), options):
        return _did_you_mean(f"{group}={option}" for option in close)
    return f"there is {', '.join(options) or 'none'}"


def _names(loader: ConfigLoader | None, option: str, name: str) -> bool:
    """Whether the file of an option has a word for a value, such as NumPy's for a distribution."""
    path = _file(loader, option)
    return path is not None and bool(
        re.search(rf"^\w+: *(?:\S*\.)?{re.escape(name)} *$", path.read_text("utf-8"), re.M | re.I)
    )


def _unknown(key: str, error: OmegaConfBaseException) -> str:
    node: Any = error.parent_node
    around, _, last = key.rpartition(".")
    at = around if error.key == last else ""
    return no_such_key(key, at, OmegaConf.to_container(node, resolve=False))


def no_such_key(key: str, around: str, known: Any) -> str:
    """Say which key may have been meant, of those known around it or, at the top, of all."""
    last = key.rpartition(".")[2]
    if around:
        close = [f"{around}.{name}" for name in difflib.get_close_matches(last, map(str, known))]
    else:
        there = list(_dotted(known))
        same = [name for name in there if name != key and name.rpartition(".")[2] == last]
        close = same or difflib.get_close_matches(key, [*there, *GROUPS, "experiment", "rung"])
    if close:
        return f"there is no such key; {_did_you_mean(close)}"
    said, group = "there is no such key; --cfg job shows those that there are", key.split(".")[0]
    swept = re.compile(rf"{group}=.*[,(]")
    if {"-m", "--multirun"} & {*sys.argv} and any(map(swept.match, sys.argv)):
        said += (
            f"; in a sweep over {group} write ++{key}=... to set it in the jobs alone, and sweep "
            "the options that have it by a command of their own"
        )
    return said


def _dotted(node: Any, before: str = "") -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        name = f"{before}.{key}" if before else str(key)
        yield name
        yield from _dotted(value, name)


def _did_you_mean(names: Any) -> str:
    return f"did you mean {' or '.join(list(dict.fromkeys(names))[:3])}?"
