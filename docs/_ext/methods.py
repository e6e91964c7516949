"""A page for each method, made before the site: what its class, its files and its results say."""

import dataclasses
import re
import shutil
from functools import cache
from inspect import cleandoc
from pathlib import Path
from typing import Any, get_type_hints

import pandas as pd
from conf_files import HEAD, Option, options, rows_of, value
from pages import GENERATED
from sphinx.application import Sphinx

from noise_exp.training import diagnostics
from noise_exp.training.estimators import ExactGradient
from noise_exp.training.estimators.feedback import FeedbackWeights
from noise_exp.training.loop import EpochRecord
from noise_exp.writing import markdown
from studies import results
from studies.comparison import percent
from studies.feedback.cells import BUDGETS, FEEDBACK
from studies.feedback.figures import by_passes

_OF_EPOCHS = [
    f"`{field.name}`" for field in dataclasses.fields(EpochRecord)
    if field.name not in ("epoch", "progress", "diagnostics")
]  # fmt: skip


@dataclasses.dataclass
class Method:
    """An estimator, or an optimizer that tries steps, with its presets."""

    cls: type
    group: str
    option: Option
    presets: list[Option] = dataclasses.field(default_factory=list)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add this to Sphinx."""
    GENERATED["methods"] = table
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True}


@cache
def methods() -> dict[str, Method]:
    """Return what has a page, by its name: from the least to the most feedback."""
    own = {option.name: option for option in options("estimator")}
    found: dict[str, Method] = {}
    presets = {option.name: option for option in options("preset")}
    for preset in sorted(presets, key=[*FEEDBACK].index):
        group, name = _part(presets[preset])
        option = next(o for o in options(group) if o.name == name)
        cls = option.target or ExactGradient
        found.setdefault(name, Method(cls, group, option)).presets.append(presets[preset])
    order = [*FEEDBACK].index
    found = dict(sorted(found.items(), key=lambda page: order(page[1].presets[-1].name)))
    for name in sorted(own.keys() - found.keys()):
        found[name] = Method(own[name].target or ExactGradient, "estimator", own[name])
    return found


def _part(preset: Option) -> tuple[str, str]:
    """Return group and option of what a preset is of."""
    chosen = {
        group.removeprefix("override /"): option
        for default in preset.defaults["defaults"]
        for group, option in default.items()
    }
    if "dist" in chosen:
        return "dist", chosen["dist"]
    if chosen["estimator"] == "cost_scaled" and chosen["optimizer"] != "vanilla":
        return "optimizer", chosen["optimizer"]
    return "estimator", chosen["estimator"]


def page_of(group: str, name: str) -> str | None:
    """Return the page of an option, if it has one."""
    for page, method in methods().items():
        if (group, name) == (method.group, page):
            return page
        if group == "preset" and name in {preset.name for preset in method.presets}:
            return page
    return None


def table() -> str:
    """Return one row per preset, in the order of feedback, and the pages' place in the site."""
    rows = [
        (
            f"[`{preset.name}`](methods/{page}.md)",
            cleandoc(method.cls.__doc__ or "").partition("\n\n")[0],
            preset.about.removeprefix("Feedback: "),
        )
        for page, method in methods().items()
        for preset in method.presets
    ]
    tree = "\n".join(f"methods/{name}" for name in methods())
    head = ("method", "what it does", "feedback")
    return f"{markdown(head, rows)}\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"


def _write(app: Sphinx) -> None:
    folder = Path(app.srcdir, "methods")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = results.FOLDER / "feedback.csv"
    runs = results.read(path)
    for name, method in methods().items():
        (folder / f"{name}.md").write_text(_page(name, method, runs), "utf-8")
        if method.presets:
            figure = by_passes(runs, [preset.name for preset in method.presets])
            figure.savefig(folder / f"{name}.svg", transparent=True)


def _page(name: str, method: Method, runs: pd.DataFrame) -> str:
    about = re.split(r"\n\nAttributes\n-+\n", cleandoc(method.cls.__doc__ or ""))[0]
    parts = [f"# {name}\n", f"```{{eval-rst}}\n{about}\n```\n"]
    if keys := rows_of(method.group, method.option, method.cls):
        command = f"`python -m noise_exp {method.group}={name}`"
        parts += ["## Settings\n", f"{command} takes these keys.\n",
                  markdown(HEAD, keys)]  # fmt: skip
    if method.presets:
        parts += ["## Ten digits\n", _presets(name, method, runs), _FIGURE.format(name=name)]
    parts += ["## What it logs\n", _logs(method.cls)]
    return "\n".join(parts)


_FIGURE = """
![Test errors of every method](./{name}.svg)

A point is one of ten seeds: the share of the 2,000 test images of ten digits that it gets wrong
after so many forward passes of work, with the settings that a search found for as many
([how this was measured](../feedback.md)).
"""


def _presets(name: str, method: Method, runs: pd.DataFrame) -> str:
    """Return the presets' commands, and what they set, a column each; the page's own first."""

    def wrong(preset: Option) -> str:
        means = (percent(runs[runs.cell == f"{passes}/{preset.name}"]).mean() for passes in BUDGETS)
        said = (f"{m:.1f}% after {b} passes" for m, b in zip(means, BUDGETS, strict=True))
        return f"Test images wrong, mean of ten seeds: {', '.join(said)}."

    presets = sorted(method.presets, key=lambda preset: preset.name != name)
    commands = "\n\n".join(f"{p.about}\n\n    {p.command}\n\n{wrong(p)}" for p in presets)
    defaults = {f"{method.group}.{key}": v for key, v in method.option.defaults.items()}
    sets = [defaults | p.defaults for p in presets]
    set_by_any = dict.fromkeys(k for p in presets for k in p.defaults if k != "defaults")
    rows = (
        (f"`{key}`", *(value(own[key]) if key in own else "" for own in sets)) for key in set_by_any
    )
    settings = markdown(("key", *(f"`{p.name}`" for p in presets)), rows)
    found = "A search on validation images found these settings for 300 forward passes."
    return f"{commands}\n\n{found}\n\n{settings}"


def _logs(cls: type) -> str:
    """Return the metrics of a run."""
    init = get_type_hints(cls.init).get("return") if hasattr(cls, "init") else None
    found = (
        f"By epoch {', '.join(_OF_EPOCHS)}; at the end `test_errors`, `test_error_rate`, "
        "`test_cost` and `constant_errors`, of two classes `pixel_sum_errors` too"
    )
    if isinstance(init, type) and issubclass(init, FeedbackWeights):
        names = ", ".join(f"`{name}_1`" for name in diagnostics.NAMES)
        found += f"; with `diagnostics=true`, by epoch and hidden layer, {names} and so on"
    return f"{found} ([what they are](../runs.md#in-a-run)).\n"
