"""What makes a site of the pages as they are: their anchors, links and formulas."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from noise_exp.report.methods import explained
from noise_exp.report.tables import NOTES, TESTS
from noise_exp.writing import markdown

ROOT = Path(__file__).parents[2]
GENERATED: dict[str, Callable[[], str]] = {}
"""What takes the place of all from `<!-- build: NAME -->` to `<!-- end -->`, as Markdown."""

_LINKS = {
    r'<a id="([^"]+)"></a>': r"[]{#\1}",  # anchors: GitHub knows the first, MyST the second
    r"\]\((\.\./)?CONTRIBUTING\.md": "](contributing.md",
    r"\]\((\.\./)?CHANGELOG\.md": "](changelog.md",
    r"\]\((\.\./)?README\.md#where-things-are": "](contributing.md#where-things-are",
}


def setup(app: Sphinx) -> dict[str, Any]:
    """Add this to Sphinx."""
    GENERATED["tree"] = tree
    GENERATED["report_columns"] = explained
    GENERATED["report_tables"] = lambda: markdown(("column", "what it is"), NOTES.items())
    GENERATED["report_tests"] = lambda: markdown(("part", "what it shows"), TESTS.items())
    app.connect("source-read", lambda _app, _page, source: rewrite(source))
    app.connect("include-read", lambda _app, _path, _page, source: rewrite(source))
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
    return {"parallel_read_safe": True}


def rewrite(source: list[str]) -> None:
    """Put what is generated into a page, and lead its links to pages of the site."""
    place = r"(?s)<!-- build: (\w+) -->.*?<!-- end -->"
    text = re.sub(place, lambda place: GENERATED[place[1]](), source[0])
    for link, ours in _LINKS.items():
        text = re.sub(link, ours, text)
    source[0] = text


def tree() -> str:
    """Return the README's words and drawing of where things are."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("## Where things are\n")[2]
    words, drawing, _ = re.split(r"(!\[[^\n]*\n)", section, maxsplit=1)
    return words + drawing.replace("(docs/", "(")


def _formula(self: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which browsers show without a script or a network."""
    block = isinstance(node, nodes.math_block)
    # What the converter does not know, or takes for another: \frac12 for a 12 above what follows.
    # Brackets grow by themselves.
    tex = re.sub(r"\\[Bb]ig(?![a-z])", "", node.astext()).replace(r"\dots", r"\ldots")
    tex = re.sub(r"(\\[dt]?frac)\s*(\w)\s*(\w)", r"\1{\2}{\3}", tex)
    try:
        formula = latex2mathml.tex2mathml(tex, as_block=block)
    except MathError as error:
        logging.getLogger(__name__).warning("%s: %s", tex, error, location=node)
        raise nodes.SkipNode from None
    self.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode
