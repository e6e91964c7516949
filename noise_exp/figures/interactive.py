"""Curves that name themselves under the pointer, in a page that needs no network.

mpld3 draws a matplotlib figure in the browser with D3; both come out of its Python package. Where
scripts do not run, the page shows the same figure as a picture.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import mpld3
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpld3 import plugins, urls

from noise_exp.figures.comparison import Method, short, shown
from noise_exp.figures.report import inline
from noise_exp.figures.style import style

_POINTS = 60  # of a curve that answer the pointer
_LINE = 400  # of a curve that are drawn
_LABEL = 28  # characters of a name in the legend
# The drawing is as wide as the page lets it be; mpld3 gives it a fixed size.
_FIT = """(svg => {
  svg.setAttribute("viewBox", `0 0 ${svg.getAttribute("width")} ${svg.getAttribute("height")}`);
  svg.removeAttribute("height");
  svg.setAttribute("width", "100%%");
})(document.querySelector("#%s svg"));"""


@cache
def libraries() -> str:
    """Return the scripts that `costs` needs once in a page, about 290 kB."""
    return "".join(
        f"<script>{Path(path).read_text(encoding='utf-8')}</script>\n"
        for path in (urls.D3_LOCAL, urls.MPLD3MIN_LOCAL)
    )


def costs(methods: Sequence[Method], name: str) -> str:
    """Return the cost per epoch of all methods as HTML: of several runs the median, and a band.

    The band runs from the lowest to the highest. `name` is the figure's own id in the page.
    """
    methods, note = shown(methods)
    figure = Figure(figsize=(8.4, 4.6))
    axes = figure.add_axes((0.08, 0.13, 0.67, 0.78))
    for i, method in enumerate(methods):
        _draw(figure, axes, method, style(i))
    axes.set(xlabel="epoch", ylabel="cost", title=f"Cost per epoch{note and ': '}{note}")
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    drawing = json.dumps(mpld3.fig_to_dict(figure), default=lambda numbers: numbers.tolist())
    drawing = drawing.replace("</", "<\\/")
    return (
        f'<div id="{name}" class="drawing"></div>\n'
        f'<script>mpld3.draw_figure("{name}", {drawing});{_FIT % name}</script>\n'
        f"<noscript>{inline(figure, 'cost per epoch of the methods')}</noscript>"
    )


def _draw(figure: Figure, axes: Axes, method: Method, look: dict) -> None:
    x = np.flatnonzero(np.isfinite(method.costs).any(axis=0))
    if not len(x):
        return
    drawn = x[:: -(-len(x) // _LINE)]
    median = np.nanmedian(method.costs[:, drawn], axis=0)
    axes.plot(drawn, median, label=short(method.label, _LABEL), linewidth=1.8, **look)
    if len(method.costs) > 1:
        low = np.nanmin(method.costs[:, drawn], axis=0)
        high = np.nanmax(method.costs[:, drawn], axis=0)
        axes.fill_between(drawn, low, high, color=look["color"], alpha=0.1, linewidth=0)
    told = slice(None, None, -(-len(drawn) // _POINTS))
    points = axes.plot(drawn[told], median[told], "o", color=look["color"], alpha=0, markersize=9)
    of = " (median)" if len(method.costs) > 1 else ""
    labels = [
        f"{method.label}, epoch {epoch}: cost {cost:.4g}{of}"
        for epoch, cost in zip(drawn[told], median[told], strict=True)
    ]
    plugins.connect(figure, plugins.PointLabelTooltip(points[0], labels=labels))
