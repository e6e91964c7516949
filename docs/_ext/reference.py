"""The reference, as Markdown: keys of conf/ and arguments of the commands."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from inspect import cleandoc
from pkgutil import resolve_name
from typing import Any

from conf_files import HEAD, Option, kind, options, read, row, rows_of, value
from methods import page_of
from pages import GENERATED, ROOT
from sphinx.application import Sphinx

from noise_exp import training
from noise_exp.job.config import CONF_DIR, Config
from noise_exp.writing import markdown

_BY_CLASS = ("estimator", "optimizer", "data")
_MODULES: dict[str, tuple[str, ...]] = {
    "trial": (), "data": ("Digits",), "own_images": (), "noise": ("Noise",), "streams": (),
    "article": (), "network": (), "objective": ("Evaluation",), "loop": (), "trained": (),
    "baselines": (),
    "estimators": ("Estimator", "EstimatorState", "Stateless", "FollowsSteps"),
    "optimizers": ("Optimizer", "OptimizerState", "Stateless", "StepContext"),
}  # fmt: skip
"""In reading order, with what one's own parts are made from beside what is offered by name."""


def setup(app: Sphinx) -> dict[str, Any]:  # noqa: ARG001
    """Add this to Sphinx."""
    GENERATED.update(keys=keys, commands=commands, training=classes)
    return {"parallel_read_safe": True}


def keys() -> str:
    """Return what can be set: keys of every run, then the groups and their options."""
    config = read(CONF_DIR / "config.yaml")
    groups = {
        k: c for d in config.defaults["defaults"] if isinstance(d, dict) for k, c in d.items()
    }
    types = _types(Config)
    rows = [row(key, types[key], config) for key in config.defaults if key in types]
    group_rows = (
        (f"[`{group}=`](#group-{group})", value(default), config.comments[f"defaults.{group}"])
        for group, default in groups.items()
    )
    parts = [
        "## Keys of every run\n", markdown(HEAD, rows),
        "## Groups\n\nEach takes the name of an option, a file in `conf/`.\n",
        markdown(("group", "default", "meaning"), group_rows),
        *(_group(group) for group in groups),
    ]  # fmt: skip
    return "\n".join(parts)


def _types(cls: Any, start: str = "") -> dict[str, str]:
    types = {}
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(field.type):
            types |= _types(field.type, f"{start}{field.name}.")
        else:
            types[start + field.name] = kind(field.type) or "text"
    return types


def _group(group: str) -> str:
    found = options(group)
    head = f"(group-{group})=\n## `{group}=`\n"
    if group in _BY_CLASS:
        return "\n".join((head, *(_of_class(group, option) for option in found)))
    if group == "dist":
        rows: Iterable[Any] = (
            (f"`{o.name}`", o.about,
             ", ".join(f"`{k}={v}`" for k, v in o.defaults.items() if k != "sampler"))
            for o in found
        )  # fmt: skip
        return f"{head}\n{markdown(('option', 'meaning', 'parameters, as NumPy names them'), rows)}"
    table = markdown(("option", "meaning"), ((_name(group, o), o.about) for o in found))
    if group in ("network", "seeds"):
        types, first = _types(Config), found[0]
        table += "\n" + markdown(HEAD, (
            row(key, types[f"{group}.{key}"], first, f"{group}.") for key in first.defaults
        ))  # fmt: skip
    return f"{head}\n{table}"


def _name(group: str, option: Option) -> str:
    page = page_of(group, option.name)
    return f"[`{option.name}`](../methods/{page}.md)" if page else f"`{option.name}`"


def _of_class(group: str, option: Option) -> str:
    rows = rows_of(group, option, option.target) if option.target else []
    table = markdown(HEAD, rows) if rows else ""
    return f"### {_name(group, option)}\n\n{option.about}\n\n{table}"


def commands() -> str:
    """Return what the commands beside `python -m noise_exp` say of themselves by --help."""
    asked = ("report",), ("predict",), ("tracking", "sync"), ("tracking", "ui")
    parts = []
    for module, *command in asked:
        arguments = ["-m", f"noise_exp.{module}", *command]
        done = subprocess.run(
            [sys.executable, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True,
            check=True, env={**os.environ, "COLUMNS": "90", "NO_COLOR": "1"},
        )  # fmt: skip
        parts.append(f"## `python {' '.join(arguments)}`\n\n```text\n{done.stdout}```\n")
    return "\n".join(parts)


def classes() -> str:
    """Return the reference of `noise_exp.training`: a section of autodoc for each module."""
    parts = []
    for name, bases in _MODULES.items():
        module = import_module(f"{training.__name__}.{name}")
        offered = [n for n in training.__all__ if _home(n).startswith(f"{module.__name__}.")]
        about = cleandoc(module.__doc__ or "").partition("\n\n")[0]
        listed = [
            *(f"{training.__name__}.{n}" for n in offered),
            *(f"{module.__name__}.{n}" for n in bases),
        ]
        directives = "\n".join(f".. auto{_what(found)}:: {found}" for found in listed)
        parts.append(f"## {name}\n\n{about}\n\n```{{eval-rst}}\n{directives}\n```\n")
    return "\n".join(parts)


def _home(name: str) -> str:
    return f"{getattr(getattr(training, name), '__module__', '')}."


def _what(name: str) -> str:
    """Return what autodoc calls the kind of an object."""
    return "class" if isinstance(resolve_name(name), type) else "function"
