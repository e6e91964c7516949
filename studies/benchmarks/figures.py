"""The pictures of the benchmarks."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from noise_exp.figures import COLOURS, GREY


def time_per_epoch(
    methods: Sequence[str], bars: Mapping[str, Sequence[Sequence[float]]], products: Sequence[float]
) -> Figure:
    """Bars of the milliseconds per epoch of several contenders, one group per method.

    Parameters
    ----------
    methods
        Their names.
    bars
        By contender, for each method its rounds: the bar is their median, the line on it runs
        from the lowest to the highest.
    products
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
    axes.hlines(products, x - 0.45, x + 0.45, color=COLOURS[-1], label="matrix products alone")
    axes.set_xticks(x, [m.replace("_", "\n") for m in methods], fontsize=9)
    axes.set(ylabel="milliseconds per epoch")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", ncols=len(bars) + 1, frameon=False)
    return figure
