"""Every picture. Made without pyplot: no window, no global state."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colours (2008), safe for colour-blind readers, in two dashings: fourteen curves.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)))


@dataclass(frozen=True)
class Method:
    """The runs of one method.

    Attributes
    ----------
    label, tick
        Its name, and what stands under its bar (the article's letter where it has one).
    costs
        Shape (runs, epochs); not a number where a run diverged.
    seconds, errors
        Training time and misclassified test images of each run, shape (runs,).
    """

    label: str
    tick: str
    costs: np.ndarray
    seconds: np.ndarray
    errors: np.ndarray


def _style(i: int) -> dict:
    return {
        "color": _COLOURS[i % len(_COLOURS)],
        "linestyle": _DASHES[i // len(_COLOURS) % len(_DASHES)],
    }


def cost_curve(costs: Sequence[float], title: str) -> Figure:
    """Cost per epoch of one run.

    Every run of a sweep draws one, so its margins are fixed: a layout engine draws it twice.
    """
    figure = Figure(figsize=(6, 4))
    axes = figure.add_axes((0.13, 0.13, 0.83, 0.78))
    axes.plot(costs, color=_COLOURS[0])
    axes.set(title=title, xlabel="epoch", ylabel="cost", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    return figure


def cost_per_training(methods: Sequence[Method]) -> Figure:
    """Cost per epoch of all methods: the first epochs large, then all of them.

    With several runs of a method, the line is their median and the band runs from the lowest
    to the highest.
    """
    epochs = max(m.costs.shape[1] for m in methods)
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    first, whole = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.5))
    for axes, last in ((first, min(8, epochs)), (whole, epochs)):
        for i, method in enumerate(methods):
            _draw_costs(axes, method, last, _style(i))
        axes.set(xlabel="epoch", xlim=(0, max(last - 1, 1)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    first.set(ylabel="cost", ylim=(0, None), title="first epochs")
    whole.set(title="all epochs")
    _mark_ends(whole, methods)
    whole.legend(
        *whole.get_legend_handles_labels(),
        loc="center left",
        bbox_to_anchor=(1.06, 0.5),
        frameon=False,
        handlelength=3.5,
    )
    figure.suptitle("Cost per Training")
    return figure


def _draw_costs(axes: Axes, method: Method, last: int, style: dict) -> None:
    costs = method.costs[:, :last]
    finite = np.isfinite(costs).any(axis=0)
    x, costs = np.flatnonzero(finite), costs[:, finite]
    if not len(x):
        return
    label = method.label if method.tick == method.label else f"{method.tick}  {method.label}"
    axes.plot(x, np.nanmedian(costs, axis=0), label=label, linewidth=1.8, **style)
    if len(costs) > 1:
        low, high = np.nanmin(costs, axis=0), np.nanmax(costs, axis=0)
        axes.fill_between(x, low, high, color=style["color"], alpha=0.12, linewidth=0)


def _mark_ends(axes: Axes, methods: Sequence[Method]) -> None:
    """Name the curves at their right ends, pushed apart so that no two names overlap."""
    ends = []
    for i, method in enumerate(methods):
        final = method.costs[:, -1]
        if method.tick != method.label and np.isfinite(final).any():  # else the legend must do
            ends.append((float(np.nanmedian(final)), method.tick, _style(i)["color"]))
    top = axes.get_ylim()[1]
    gap = 0.033 * top
    heights = [value for value, _, _ in sorted(ends)]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    ceiling = top + gap
    for i in reversed(range(len(heights))):
        ceiling = heights[i] = min(heights[i], ceiling - gap)
    for (value, tick, colour), height in zip(sorted(ends), heights, strict=True):
        axes.annotate(
            tick,
            xy=(1, value),
            xytext=(1.04, height),
            xycoords=axes.get_yaxis_transform(),
            textcoords=axes.get_yaxis_transform(),
            va="center",
            ha="center",
            color=colour,
            weight="bold",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 0},
        )


def training_time(methods: Sequence[Method]) -> Figure:
    """Bars of the training time in seconds (of several runs the median, each run a dot)."""
    return _bars(
        methods,
        [m.seconds for m in methods],
        "Training Time Bar Graph in Seconds",
        "training time (s)",
        "{:.1f}",
    )


def misclassification(methods: Sequence[Method]) -> Figure:
    """Bars of the misclassified test images (of several runs the median, each run a dot)."""
    return _bars(
        methods,
        [m.errors for m in methods],
        "Misclassification Bar Graph",
        "test images misclassified",
        "{:g}",
    )


def _bars(
    methods: Sequence[Method], values: Sequence[np.ndarray], title: str, axis: str, text: str
) -> Figure:
    figure = Figure(figsize=(max(9, 0.55 * len(methods) + 3), 5), layout="constrained")
    axes = figure.subplots()
    x = np.arange(len(methods))
    medians = [float(np.median(v)) for v in values]
    bars = axes.bar(x, medians, color=_COLOURS[0], width=0.7)
    axes.bar_label(bars, [text.format(m) for m in medians], padding=2)
    for i, runs in enumerate(values):
        if len(runs) > 1:
            axes.plot(np.full(len(runs), i), runs, ".", color=_COLOURS[6], alpha=0.5)
    named = all(m.tick != m.label for m in methods)
    ticks = [f"{m.tick}\n{m.label.replace('_', chr(10))}" if named else m.label for m in methods]
    axes.set_xticks(x, ticks, fontsize=8 if named else 9, rotation=0 if named else 30)
    axes.set(title=title, ylabel=axis)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return figure


def history(trials: Sequence[int], scores: Sequence[float | None], name: str) -> Figure:
    """Score of each trial of a study, and the best so far; `name` says what the score is."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    values = np.array([np.nan if score is None else score for score in scores])
    axes.plot(trials, values, ".", color=_COLOURS[0], label="trial")
    axes.step(
        trials, np.fmin.accumulate(values), where="post", color=_COLOURS[1], label="best so far"
    )
    axes.set(xlabel="trial", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _spread_out(axes.set_yscale, values)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def score_by_setting(
    settings: Mapping[str, Sequence[float | str]], scores: Sequence[float | None], name: str
) -> Figure:
    """Score of each trial against each setting that a study searched, one panel per setting."""
    columns = max(1, min(3, len(settings)))
    rows = max(1, -(-len(settings) // columns))
    figure = Figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    values = np.array([np.nan if score is None else score for score in scores])
    for axes, (key, chosen) in zip(panels.flat, settings.items(), strict=False):
        if all(isinstance(value, int | float) for value in chosen):
            axes.plot(chosen, values, ".", color=_COLOURS[0])
            _spread_out(axes.set_xscale, np.array(chosen, float))
        else:
            axes.plot([str(value) for value in chosen], values, ".", color=_COLOURS[0])
        axes.set(xlabel=key)
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(settings) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set(ylabel=name)
    _spread_out(panels[0, 0].set_yscale, values)
    return figure


def _spread_out(set_scale: Callable[[str], object], values: np.ndarray) -> None:
    """Make a scale logarithmic where positive values differ by more than a factor of ten."""
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > 10 * finite.min():
        set_scale("log")


@dataclass(frozen=True)
class Line:
    """One curve of `growth`: its name, and its points (x, y)."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def time_per_epoch(
    methods: Sequence[str], bars: Mapping[str, Sequence[Sequence[float]]], floor: Sequence[float]
) -> Figure:
    """Bars of the milliseconds per epoch of several contenders, one group per method.

    Parameters
    ----------
    methods
        Their names.
    bars
        By contender, for each method its rounds: the bar is their median, the line on it runs
        from the lowest to the highest.
    floor
        For each method what no contender of its kind can go below, drawn as a line.
    """
    figure = Figure(figsize=(14, 5), layout="constrained")
    axes = figure.subplots()
    x, width = np.arange(len(methods)), 0.8 / len(bars)
    for i, (name, rounds) in enumerate(bars.items()):
        medians = np.array([np.median(r) for r in rounds])
        reach = [
            medians - [min(r) for r in rounds],
            [max(r) for r in rounds] - medians,
        ]
        left = x + (i - (len(bars) - 1) / 2) * width
        axes.bar(left, medians, width, color=_COLOURS[i], label=name)
        axes.errorbar(left, medians, reach, fmt="none", ecolor="#555555", elinewidth=0.8)
    axes.hlines(floor, x - 0.45, x + 0.45, color="#000000", label="matrix products alone")
    axes.set_xticks(x, [m.replace("_", "\n") for m in methods], fontsize=9)
    axes.set(ylabel="milliseconds per epoch")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", ncols=len(bars) + 1, frameon=False)
    return figure


def growth(panels: Sequence[tuple[str, str, Sequence[Line]]]) -> Figure:
    """Curves on logarithmic axes, one panel for each (name of x, name of y, lines)."""
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(11, 4.2 * rows), layout="constrained")
    for axes, (x_name, y_name, lines) in zip(figure.subplots(rows, 2).flat, panels, strict=False):
        for i, line in enumerate(lines):
            axes.plot(line.x, line.y, marker="o", markersize=4, label=line.label, **_style(i))
        axes.set(xlabel=x_name, ylabel=y_name, xscale="log", yscale="log")
        axes.grid(which="both", alpha=0.2)
        axes.legend(frameon=False)
    return figure
