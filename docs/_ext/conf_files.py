"""What the files in conf/ and the classes that they name say of their keys."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from inspect import cleandoc
from pathlib import Path
from pkgutil import resolve_name
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from noise_exp.job.config import CONF_DIR, Config

_COMMENTED = re.compile(
    r"^(?P<indent>\s*(?:- )?)(?P<key>\w+):(?P<value>[^#]*)(?:#\s*(?P<said>.*))?$"
)
_GOES_ON = re.compile(r"^\s+#\s*(?P<said>.*)$")
HEAD = ("key", "type", "default", "meaning")


@dataclass(frozen=True)
class Option:
    """A file of conf/: its header's command and words, and each key's default and comment."""

    name: str
    command: str
    about: str
    defaults: dict[str, Any]
    comments: dict[str, str]

    @property
    def target(self) -> type | None:
        """Return the class that it names, if it names one."""
        name = self.defaults.get("_target_")
        return resolve_name(":".join(name.rsplit(".", 1))) if name else None


@cache
def options(group: str) -> tuple[Option, ...]:
    """Return the options of a group, those of dist/more too."""
    folder = CONF_DIR / group
    return tuple(read(path, group) for path in sorted(folder.glob("**/*.yaml")))


@cache
def read(path: Path, group: str = "") -> Option:
    """Read a file; keys in `group` lose its name."""
    text = path.read_text("utf-8")
    head = [line[1:].strip() for line in re.match(r"(?:#.*\n)*", text)[0].splitlines()]
    commands = [line for line in head if line.startswith("python -m")]
    about = [line for line in head if not line.startswith(("@package", "python -m"))]
    comments, keys = {}, [(-1, "")]
    for line in text.splitlines():
        if found := _COMMENTED.match(line):
            while len(found["indent"]) <= keys[-1][0]:
                keys.pop()
            keys.append((len(found["indent"]), f"{keys[-1][1]}.{found['key']}"))
            comments[keys[-1][1][1:]] = found["said"] or ""
        elif (found := _GOES_ON.match(line)) and len(keys) > 1:
            comments[keys[-1][1][1:]] += f" {found['said']}"
    if not about and path.parent.name not in ("conf", "hydra"):
        raise ValueError(f"{path} says nowhere what it is")
    own = f"{group}."
    return Option(
        path.relative_to(CONF_DIR / group).with_suffix("").as_posix(),
        commands[0],
        " ".join(about),
        {k.removeprefix(own): v for k, v in flat(yaml.safe_load(text)).items()},
        {k.removeprefix(own): v for k, v in comments.items()},
    )


def flat(tree: dict[str, Any], start: str = "") -> dict[str, Any]:
    """Return the leaves of nested keys, by their dotted names."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= flat(value, f"{start}{key}.") if isinstance(value, dict) else {start + key: value}
    return leaves


def attributes(cls: type) -> dict[str, str]:
    """Return what a class and those it is made from say of each attribute, in NumPy's style."""
    said: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not (base.__module__.startswith("noise_exp") and base.__doc__):
            continue
        _, _, section = cleandoc(base.__doc__).partition("Attributes\n----------\n")
        section = re.split(r"\n\n\w+\n-+\n", section)[0]
        for names, text in re.findall(r"^(\S.*)\n((?:    .*\n?|\n)+)", section, re.M):
            said |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return said


def kind(hint: Any) -> str:
    """Return a type as one says it of a key."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return " or ".join(f"`{member.name}`" for member in hint)
    if isinstance(hint, UnionType):
        return " or ".join(map(kind, get_args(hint)))
    if get_origin(hint) is list:
        return f"list of {kind(get_args(hint)[0])}s"
    names = {int: "integer", float: "number", bool: "`true` or `false`", str: "text"}
    return {**names, type(None): "`null`"}.get(hint, "")


def kinds(cls: type) -> dict[str, str]:
    """Return the types of a class's keys."""
    return {name: kind(hint) for name, hint in get_type_hints(cls).items()}


def value(default: Any) -> str:
    """Return a default as YAML and a command write it."""
    if default == "???":
        return "has to be given"
    text = yaml.safe_dump(default, default_flow_style=True, width=1000).removesuffix("...\n")
    return f"`{text.strip()}`"


def row(key: str, kind_of: str, option: Option, start: str = "", said: str = "") -> list[str]:
    """Return a key's row of a table; without a meaning, its comment's."""
    if not (said or option.comments[key]):
        raise ValueError(f"{start}{key} of {option.name} says nowhere what it means")
    alternatives = kind_of.replace("`", "").replace(" or ", " | ")
    meaning = said or option.comments[key].removesuffix(f": {alternatives}")  # in the type already
    return [f"`{start}{key}`", kind_of, value(option.defaults[key]), meaning]


def rows_of(group: str, option: Option, cls: type) -> list[list[str]]:
    """Return the rows of an option's keys, whose types and meanings are its class's.

    Keys of every run that it sets come last.
    """
    said, types, common = attributes(cls), kinds(cls), kinds(Config)
    own = [key for key in option.defaults if key in types]
    rows = [row(key, types[key], option, f"{group}.", said.get(key, "")) for key in own]
    return rows + [row(k, common[k], option) for k in option.defaults if k in common.keys() - own]
