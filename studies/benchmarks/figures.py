"""The pictures of the benchmarks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from noise_exp.figures.style import COLOURS, GREY, style


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
        axes.bar(left, medians, width, color=COLOURS[i], label=name)
        axes.errorbar(left, medians, reach, fmt="none", ecolor=GREY, elinewidth=0.8)
    axes.hlines(floor, x - 0.45, x + 0.45, color=COLOURS[-1], label="matrix products alone")
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
            axes.plot(line.x, line.y, marker="o", markersize=4, label=line.label, **style(i))
        axes.set(xlabel=x_name, ylabel=y_name, xscale="log", yscale="log")
        axes.grid(which="both", alpha=0.2)
        axes.legend(frameon=False)
    return figure
