"""The pictures of the report."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from noise_exp.figures.style import COLOURS, GREY

_DOT, _MARK = COLOURS[:2]


def inline(figure: Figure) -> str:
    """Return a figure as the address of an image that needs no other file."""
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(content.getvalue()).decode()}"


def dots(
    wide: pd.DataFrame, summary: pd.DataFrame, outcome: str, lines: dict[str, float]
) -> Figure:
    """Every run as a dot, the interquartile mean with its interval, and levels to compare with."""
    figure = Figure(figsize=(10, 0.36 * len(wide.columns) + 1.4), layout="constrained")
    axes = figure.subplots()
    rng = np.random.default_rng(0)  # the height of a dot within its row means nothing
    by_method = summary.set_index("method")
    for y, method in enumerate(wide.columns):
        values = wide[method].dropna().to_numpy()
        axes.plot(values, y + rng.uniform(-0.28, 0.28, len(values)), ".", color=_DOT, alpha=0.45)
        row = by_method.loc[method]
        axes.plot([row.iqm_low, row.iqm_high], [y, y], color=_MARK, linewidth=3)
        axes.plot(row.iqm, y, "|", color=_MARK, markersize=14, markeredgewidth=2.5)
        if not len(values):
            axes.text(0.5, y, "no finite result", transform=axes.get_yaxis_transform(),
                      ha="center", va="center", color=GREY)  # fmt: skip
    for (name, level), dash in zip(lines.items(), ("--", ":"), strict=False):
        axes.axvline(level, color=GREY, linestyle=dash, label=name)
    if lines:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    axes.set_yticks(range(len(wide.columns)), wide.columns)
    axes.set(xlabel=outcome, ylim=(len(wide.columns) - 0.5, -0.5))
    axes.grid(axis="x", alpha=0.3)
    return figure


def ecdf(wide: pd.DataFrame, outcome: str) -> Figure:
    """The share of seeds at or below each outcome, a small panel per method over all others."""
    columns = min(4, len(wide.columns))
    rows = -(-len(wide.columns) // columns)
    figure = Figure(figsize=(10, 1.9 * rows + 0.4), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
    for axes, method in zip(panels, wide.columns, strict=False):
        for other in wide.columns:
            if values := list(wide[other].dropna()):
                mine = other == method
                axes.ecdf(values, color=_DOT if mine else "#cccccc", zorder=2 if mine else 1,
                          linewidth=2 if mine else 0.7)  # fmt: skip
        axes.set_title(method, fontsize=9)
    for axes in panels[len(wide.columns) :]:
        axes.set_visible(False)
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
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False).flat
    for axes, (method, table) in zip(panels, tables.items(), strict=True):
        y = range(len(effects))
        axes.barh(y, table.share, color=_DOT, alpha=0.6)
        axes.hlines(y, table.low, table.high, color=_MARK, linewidth=2)
        axes.set_yticks(y, effects)
        axes.set_title(method, fontsize=9)
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
