"""The pictures of the report, which its page holds: it needs no network."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpld3
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mpld3 import plugins, urls
from mpld3.utils import get_id

from noise_exp.figures import COLOURS, GREY, panels, style
from noise_exp.figures.comparison import Method, draw_curve, short, shown

_DOT, _MARK = COLOURS[:2]
_POINTS = 60  # of a curve that answer the pointer
_LINE = 400  # of a curve that are drawn
_LABEL = 28  # characters of a name in the legend


def inline(figure: Figure) -> str:
    """Return a figure as the address of an image that needs no other file."""
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"


def dots(
    wide: pd.DataFrame, summary: pd.DataFrame, outcome: str, lines: dict[str, float]
) -> Figure:
    """Every run as a dot, the mean with its 95% interval, and levels to compare with."""
    figure = Figure(figsize=(10, 0.36 * len(wide.columns) + 1.4), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(0)  # the height of a dot within its row means nothing
    by_method = summary.set_index("method")
    for y, method in enumerate(wide.columns):
        values = wide[method].dropna().to_numpy()
        axes.plot(values, y + rng.uniform(-0.28, 0.28, len(values)), ".", color=_DOT, alpha=0.45)
        row = by_method.loc[method]
        axes.plot([row.low, row.high], [y, y], color=_MARK, linewidth=3)
        axes.plot(row["mean"], y, "|", color=_MARK, markersize=14, markeredgewidth=2.5)
        if not len(values):
            axes.text(0.5, y, "no finite result", transform=axes.get_yaxis_transform(),
                      ha="center", va="center", color=GREY)  # fmt: skip
    for (name, level), dash in zip(lines.items(), ("--", ":"), strict=False):
        axes.axvline(level, color=GREY, linestyle=dash, label=name)
    if lines:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    axes.set_yticks(range(len(wide.columns)), [short(m, _LABEL) for m in wide.columns])
    axes.set(xlabel=outcome, ylim=(len(wide.columns) - 0.5, -0.5))
    axes.grid(axis="x", alpha=0.3)
    return figure


def forest(table: pd.DataFrame, reference: str, outcome: str, margin: float) -> Figure:
    """Mean differences to a reference with their simultaneous intervals, and the margin."""
    figure = Figure(figsize=(10, 0.32 * len(table) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-margin, margin, color=GREY, alpha=0.2, label=f"within {margin:g}", linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1)
    rows: list[Any] = list(table.itertuples())
    for y, row in enumerate(rows):
        decided = row.verdict in ("lower", "higher")
        axes.plot([row.low, row.high], [y, y], color=_DOT, linewidth=2)
        axes.plot(row.difference, y, "o", color=_DOT, markerfacecolor=_DOT if decided else "white")
    axes.set_yticks(range(len(table)), [short(m, _LABEL) for m in table.method])
    axes.set(xlabel=f"mean {outcome} minus that of {reference}", ylim=(len(table) - 0.5, -0.5))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
    return figure


def ecdf(wide: pd.DataFrame, outcome: str) -> Figure:
    """The share of seeds at or below each outcome, a small panel per method over all others."""
    figure, axes_of = panels(len(wide.columns), 4, 10, 1.9, sharex=True, sharey=True)
    for axes, method in zip(axes_of, wide.columns, strict=True):
        for other in wide.columns:
            if values := list(wide[other].dropna()):
                mine = other == method
                axes.ecdf(values, color=_DOT if mine else "#cccccc", zorder=2 if mine else 1,
                          linewidth=2 if mine else 0.7)  # fmt: skip
        axes.set_title(short(method, _LABEL), fontsize=9)
    figure.supxlabel(outcome, fontsize=10)
    figure.supylabel("share of seeds", fontsize=10)
    return figure


def critical_difference(ranks: pd.Series, p_pairs: pd.DataFrame) -> Figure:
    """Mean ranks; a bar joins methods that the tests do not tell apart (Demsar, 2006).

    `ranks`: by method; `p_pairs`: of every pair, (methods, methods).
    """
    from scikit_posthocs import critical_difference_diagram

    figure = Figure(figsize=(10, 0.24 * len(ranks) + 1.6), layout="constrained")
    critical_difference_diagram(ranks, p_pairs, ax=figure.subplots())
    return figure


def shares(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of every effect with its interval, a row per effect, a panel per method."""
    effects = list(next(iter(tables.values())).effect)
    figure = Figure(figsize=(10, 0.34 * len(effects) + 1.2), layout="constrained")
    axes_of = figure.subplots(1, len(tables), sharey=True, squeeze=False).flat
    for axes, (method, table) in zip(axes_of, tables.items(), strict=True):
        y = range(len(effects))
        axes.barh(y, table.share, color=_DOT, alpha=0.6)
        axes.hlines(y, table.low, table.high, color=_MARK, linewidth=2)
        axes.set_yticks(y, effects)
        axes.set_title(short(method, _LABEL), fontsize=9)
        axes.set(xlim=(0, 1), ylim=(len(effects) - 0.5, -0.5), xlabel="share of variance")
        axes.grid(axis="x", alpha=0.3)
    return figure


def reached(curves: Sequence[tuple[str, np.ndarray, np.ndarray]], label: str) -> Figure:
    """Share of runs at the target by what they had spent (one minus Kaplan-Meier's curve)."""
    from statsmodels.duration.survfunc import SurvfuncRight

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots()
    end = max(max(at) for _, at, _ in curves)
    for i, (method, at, there) in enumerate(curves):
        curve = SurvfuncRight(at, there.astype(int))
        x = [0.0, *curve.surv_times, end]
        y = [0.0, *(1 - curve.surv_prob), 1 - curve.surv_prob[-1]]
        axes.step(x, y, where="post", label=method, linestyle=("-", "--", ":")[i // 10 % 3])
    axes.set(xlabel=label, ylabel="share of runs at the target", ylim=(0, 1.02), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


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
        libraries = [Path(path).read_text("utf-8") for path in (urls.D3_LOCAL, urls.MPLD3MIN_LOCAL)]
        return [*libraries, _BandOfPointed.JAVASCRIPT]


class _BandOfPointed(plugins.PluginBase):
    """Shows a band while the pointer is on one of the points of its curve."""

    JAVASCRIPT = """
      mpld3.register_plugin("band", Band);
      Band.prototype = Object.create(mpld3.Plugin.prototype);
      Band.prototype.constructor = Band;
      Band.prototype.requiredProps = ["points", "band", "colour"];
      function Band(fig, props) { mpld3.Plugin.call(this, fig, props); }
      Band.prototype.draw = function () {
        const points = mpld3.get_element(this.props.points, this.fig);
        const band = mpld3.get_element(this.props.band, this.fig);
        band.pathsobj.style("pointer-events", "none").style("fill", this.props.colour);
        const show = (opacity) => () => band.pathsobj.style("fill-opacity", opacity);
        points.elements().on("mouseover.band", show(0.25)).on("mouseout.band", show(0));
      };
    """

    def __init__(self, points: Any, band: Any, colour: str) -> None:
        ids = {"points": get_id(points, "pts"), "band": get_id(band)}
        self.dict_ = {"type": "band", **ids, "colour": colour}


def costs(methods: Sequence[Method]) -> Curves:
    """Return the cost per epoch of all methods: of several runs the median; a band when asked."""
    methods, note = shown(methods)
    figure = Figure(figsize=(8.4, 4.6))
    axes = figure.add_axes((0.08, 0.13, 0.67, 0.78))
    for i, method in enumerate(methods):
        _draw(figure, axes, method, style(i))
    axes.set(xlabel="epoch", ylabel="cost", title=f"Cost per epoch{note}")
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
    return Curves(figure, mpld3.fig_to_dict(figure), max(len(m.costs) for m in methods) > 1)


def _draw(figure: Figure, axes: Axes, method: Method, look: dict) -> None:
    label = short(method.label, _LABEL)
    x, median, band = draw_curve(axes, method.costs, label, look, 0.0, _LINE)
    if not len(x):
        return
    marked = slice(None, None, -(-len(x) // _POINTS))
    points = axes.plot(x[marked], median[marked], "o", color=look["color"], alpha=0, markersize=9)
    of = " (median)" if len(method.costs) > 1 else ""
    labels = [
        f"{method.label}, epoch {epoch}: cost {cost:.4g}{of}"
        for epoch, cost in zip(x[marked], median[marked], strict=True)
    ]
    plugins.connect(figure, plugins.PointLabelTooltip(points[0], labels=labels))
    if band:
        plugins.connect(figure, _BandOfPointed(points[0], band, look["color"]))
