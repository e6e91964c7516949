"""Curves that name themselves under the pointer, in a page that needs no network.

mpld3 draws a matplotlib figure in the browser with D3; both come out of its Python package. Where
scripts do not run, the page shows the same figure as a picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mpld3
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpld3 import plugins, urls

from noise_exp.figures.comparison import Method, draw_band, short, shown
from noise_exp.figures.style import style

_POINTS = 60  # of a curve that answer the pointer
_LINE = 400  # of a curve that are drawn
_LABEL = 28  # characters of a name in the legend


@dataclass(frozen=True)
class Curves:
    """Curves for a page.

    Attributes
    ----------
    figure
        Where scripts do not run.
    drawing
        The same for `mpld3.draw_figure`, once the scripts are in the page.
    bands
        Whether there are bands, from the lowest to the highest of several runs.
    """

    figure: Figure
    drawing: dict[str, Any]
    bands: bool

    @property
    def scripts(self) -> Sequence[str]:
        """What draws, about 290 kB."""
        return _scripts()


@cache
def _scripts() -> list[str]:
    return [Path(path).read_text("utf-8") for path in (urls.D3_LOCAL, urls.MPLD3MIN_LOCAL)]


def costs(methods: Sequence[Method]) -> Curves:
    """Return the cost per epoch of all methods: of several runs the median, and a band."""
    methods, note = shown(methods)
    figure = Figure(figsize=(8.4, 4.6))
    axes = figure.add_axes((0.08, 0.13, 0.67, 0.78))
    for i, method in enumerate(methods):
        _draw(figure, axes, method, style(i))
    axes.set(xlabel="epoch", ylabel="cost", title=f"Cost per epoch{note and ': '}{note}")
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    return Curves(figure, mpld3.fig_to_dict(figure), max(len(m.costs) for m in methods) > 1)


def _draw(figure: Figure, axes: Axes, method: Method, look: dict) -> None:
    x = np.flatnonzero(np.isfinite(method.costs).any(axis=0))
    if not len(x):
        return
    drawn = x[:: -(-len(x) // _LINE)]
    median = draw_band(axes, drawn, method.costs, short(method.label, _LABEL), look)
    told = slice(None, None, -(-len(drawn) // _POINTS))
    points = axes.plot(drawn[told], median[told], "o", color=look["color"], alpha=0, markersize=9)
    of = " (median)" if len(method.costs) > 1 else ""
    labels = [
        f"{method.label}, epoch {epoch}: cost {cost:.4g}{of}"
        for epoch, cost in zip(drawn[told], median[told], strict=True)
    ]
    plugins.connect(figure, plugins.PointLabelTooltip(points[0], labels=labels))
