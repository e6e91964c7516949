"""`python docs/_ext/architecture.py`: docs/figures/architecture.svg, of the import contracts.

Layers are those that `lint-imports` checks; the words are the first of each docstring.
"""

import ast
import re
import textwrap
import tomllib
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

_ROOT = Path(__file__).parents[2]
_PACKAGE = "noise_exp"
PATH = _ROOT / "docs" / "figures" / "architecture.svg"


def rows() -> list[dict[str, str]]:
    """Return the layers, the highest first: what each module or package is for, by its name."""
    (layers,) = [c["layers"] for c in _contracts() if c["type"] == "layers"]
    names = ([name.strip() for name in re.split("[|:]", layer)] for layer in layers)
    own = ([name for name in row if name.startswith(f"{_PACKAGE}.")] for row in names)
    return [{name.partition(".")[2]: _purpose(name) for name in row} for row in own if row]


def rules() -> list[str]:
    """Return what the other contracts hold."""
    return [contract["name"] for contract in _contracts() if contract["type"] != "layers"]


def draw() -> Figure:
    """Draw the layers as boxes: each imports only from those below it."""
    found = [{name: words for name, words in row.items() if name != "__main__"} for row in rows()]
    figure = Figure(figsize=(9, 0.62 * len(found) + 0.7), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for y, row in enumerate(reversed(found)):
        width = 1 / len(row)
        for x, (name, words) in enumerate(row.items()):
            colour = "#dce9f7" if name == "training" else "#f2f2f2"
            corner = (x * width + 0.004, y + 0.05)
            axes.add_patch(matplotlib.patches.Rectangle(corner, width - 0.008, 0.9, color=colour))
            middle = (x + 0.5) * width
            axes.text(middle, y + 0.68, name, ha="center", va="center", weight="bold", size=10)
            text = textwrap.fill(words, int(120 * width))
            axes.text(middle, y + 0.3, text, ha="center", va="center", size=7.5, linespacing=1.05)
    axes.set(xlim=(0, 1), ylim=(-0.1, len(found)))
    axes.axis("off")
    figure.supxlabel("\n".join(rules()), size=7.5)
    return figure


def _contracts() -> list[dict]:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    return project["tool"]["importlinter"]["contracts"]


def _purpose(name: str) -> str:
    place = _ROOT / Path(*name.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    first = str(ast.get_docstring(ast.parse(path.read_text("utf-8")))).partition("\n\n")[0]
    words = " ".join(first.split())
    said = re.sub(r"^`python -m [^`]*`: ", "", words).partition(". ")[0].rstrip(".")
    return said[0].upper() + said[1:]


if __name__ == "__main__":
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": _PACKAGE}):
        draw().savefig(PATH, metadata={"Date": None})
