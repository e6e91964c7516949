"""What Hydra, OmegaConf and PyYAML raise, as one line about the configuration."""

import difflib
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from noise_exp.job.launchers import EXTRAS

_OURS = HydraException, OmegaConfBaseException, yaml.YAMLError
# What to do where an error of theirs says only what is wrong.
_ADVICE = {
    r"Missing mandatory value": "give it a value",
    r"Environment variable": "set it, or give what to take without it by ${oc.env:NAME,VALUE}",
    r"Interpolation key": "a value of ${...} must be another key's whole name",
    r"does not support deletion": "a key cannot be left out: give it a value",
    r"group override must be a string": "write the name of an option",
    r"Cannot assign str to Dict|str is not a subclass": "a file chooses an option in its defaults: "
    "- override /GROUP: NAME",
    r"Key '.*' not in 'Config'|Key '.*' is not in struct": "of an experiment or preset, begin the "
    "file with # @package _global_",
    r"Too many components in '@": "Hydra takes a first comment that begins with @ for its own, as "
    "in # @package NAME: write another sign before it",
    r"codec can't decode|unacceptable character": "save it as UTF-8 text",
}
GONE = {
    "experiment/ladder": "it is experiment=feedback now",
    "experiment/ladder_search": "it is experiment=feedback_search now",
    "rung": "it is preset now: write preset=...",
    "dist.law": "it is dist.sampler now: write dist.sampler=...",
    "estimator.repair": "it is noise_transform now: write noise_transform=...",
    "tracking.figure": "runs keep no cost.png any more, as MLflow draws cost; leave it out",
}


def explained(error: BaseException) -> str | None:
    """Say what the configuration must be instead; None where an error is none of its own."""
    loader, name, override, config = _composing(error)
    if not loader and not isinstance(error, _OURS):
        return None
    if isinstance(error, OverrideParseException):
        return (
            f"{error.override!r} cannot be read ({_words(error)}); write KEY=VALUE, and what has "
            "special signs in quotes of its own: 'KEY=\"VALUE\"'"
        )
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error.filename or name} cannot be read ({error.strerror or error})"
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark):
        return (
            f"{mark.name}, line {mark.line + 1}: {error.problem or error.context}; YAML wants "
            "every key once, spaces and no tabs before it, and special signs in quotes"
        )
    if isinstance(error, OmegaConfBaseException):
        return about_key(error)
    said, cause = _words(error), error.__cause__ or error.__context__
    if isinstance(cause, OmegaConfBaseException) and not said.startswith("In '"):
        said = f"{said}: {_words(cause)}" if said else about_key(cause)
    if isinstance(error, MissingConfigException) and loader and error.options:
        advice = _options(loader, str(error.missing_cfg_file), error.options)
    elif config and (could_not := re.match(r"(Could not override '([^']*)')", said)):
        said, advice = could_not[1], no_such_key(could_not[2], config)
    else:
        advice = _advice(said)
    if override and str(override.key_or_group) not in said:
        said = f"{override.input_line}: {said}"
    return "; ".join(filter(None, (f"{_place(loader, name, error, said)}{said}", advice)))


def about_key(error: OmegaConfBaseException, group: str = "") -> str:
    """Say what a key must be; `group` is where the key is looked for."""
    key = ".".join(filter(None, (group, error.full_key))) or "the configuration"
    if isinstance(error, MissingMandatoryValue):
        return f"{key} must be given; write {key}=..."
    said = GONE.get(key) or _words(error)
    return "; ".join(filter(None, (f"{key}: {said}", _advice(said))))


def no_such_key(key: str, config: Any) -> str:
    """Say which key of a configuration may have been meant: one of its name, or one beside it."""
    if gone := GONE.get(key):
        return gone
    names = ["experiment", "preset", *_dotted(OmegaConf.to_container(config, resolve=False))]
    if key in names:  # but not what is put into it
        return f"write ++{key}=... to add to it"
    around, _, last = key.rpartition(".")
    close = [name for name in names if name.rpartition(".")[2] == last]
    if not close:
        beside = {
            name.rpartition(".")[2]: name for name in names if name.rpartition(".")[0] == around
        }
        close = [beside[name] for name in difflib.get_close_matches(last, beside)]
    if close:
        return f"there is no such key; {_did_you_mean(close)}"
    group = key.partition(".")[0]
    whole = "hydra" if group == "hydra" else "job"
    said = f"there is no such key; --cfg {whole} shows those that there are"
    if any(re.match(rf"{group}=.*[,(]", argument) for argument in sys.argv):
        said += (
            f"; in a sweep over {group} write ++{key}=... to set it in the jobs alone, and sweep "
            "the options that have it by a command of their own"
        )
    return said


def _composing(
    error: BaseException,
) -> tuple[ConfigLoader | None, str, Override | None, Any]:
    """Return Hydra's loader, if it was at work, and of what: a name, an override, the whole.

    Most errors do not tell; the frames that they came through do.
    """
    loader, name, override, config = None, "", None, None
    for raised in filter(None, (error, error.__cause__)):
        for frame, _ in traceback.walk_tb(raised.__traceback__):
            there = frame.f_locals
            if isinstance(there.get("self"), ConfigLoader):
                loader = there["self"]
            elif loader:
                name = there.get("config_path") or name
                config = there.get("cfg", config)
                if isinstance(there.get("override"), Override):
                    override = there["override"]
    return loader, name, override, config


def _words(error: BaseException) -> str:
    """Return what an error says, in one line, without OmegaConf's notes and Hydra's links."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(
        re.split(r"\n\s*(?:full_key|See https|To append|Available options|.*search path:)", said)[
            0
        ].split()
    )


def _advice(said: str) -> str:
    for named in re.findall(r"'/?([\w./]+)'", said):
        if gone := GONE.get(named):
            return gone
    return next((advice for words, advice in _ADVICE.items() if re.search(words, said)), "")


def _file(loader: ConfigLoader | None, name: str) -> Path | None:
    """Return the file of an option on disk."""
    for source in loader.get_sources() if loader and "/" in name else ():
        if source.scheme() == "file" and source.is_config(name):
            return Path(source.path, f"{name}.yaml")
    return None


def _place(loader: ConfigLoader | None, name: str, error: BaseException, said: str) -> str:
    """Return the file that is at fault and the line in it, as a message begins."""
    within = re.match(r"In '([^']*)': ", said)
    path = _file(loader, within[1] if within else name)
    if path is None:
        return ""
    text = path.read_text("utf-8", errors="surrogateescape")
    if isinstance(error, UnicodeError | yaml.reader.ReaderError):
        at = yaml.reader.Reader.NON_PRINTABLE.search(text)  # as what is not UTF-8 is by now
    else:
        told = re.search(
            r"full_key: (?:\S*\.)?(\w+)|(?:find|load) '(?:\S*/)?(\w+)|in '(@.*)'",
            f"{error}{error.__cause__}",
        )
        word = next(filter(None, told.groups())) if told else "defaults"
        at = re.search(re.escape(word), text)
    line = at and text.count("\n", 0, at.start()) + 1
    return f"{path}, line {line}: " if line else f"{path}: "


def _options(loader: ConfigLoader | None, missing: str, options: Iterable[str]) -> str:
    """Say which option may have been meant, by its name or what its file names; else all."""
    if gone := GONE.get(missing):
        return gone
    group, _, name = missing.rpartition("/")
    if extra := EXTRAS.get(missing.removeprefix("hydra/")):
        return f"it needs pip install 'noise-exp[{extra}]'"
    same = re.compile(rf": *(\S+\.)?{re.escape(name)}$", re.M | re.I)
    files = {option: _file(loader, f"{group}/{option}") for option in options}
    close = [
        option
        for option, path in files.items()
        if name and (name.lower() in option or (path and same.search(path.read_text("utf-8"))))
    ]
    if close := close or difflib.get_close_matches(name.lower(), files):
        return _did_you_mean(f"{group}={option}" for option in close)
    return f"there is {', '.join(files)}"


def _dotted(node: Any, before: str = "") -> Iterator[str]:
    for key, value in node.items() if isinstance(node, dict) else ():
        name = f"{before}.{key}" if before else str(key)
        yield name
        yield from _dotted(value, name)


def _did_you_mean(names: Iterable[str]) -> str:
    return f"did you mean {' or '.join(list(dict.fromkeys(names))[:3])}?"
