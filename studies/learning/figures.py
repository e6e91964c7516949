"""Pictures of what noise learns."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noise_exp.figures import COLOURS, GREY
from studies.comparison import interval, percent

_NOISE, _BACKPROP, _BASELINE = COLOURS[:3]


def learning_curves(tasks: Mapping[str, pd.DataFrame]) -> Figure:
    """Training error against forward passes and against seconds, one row for each task.

    The noise distributions share one colour: they are one bundle beside back propagation.
    """
    figure = Figure(figsize=(11, 4.2 * len(tasks)), layout="constrained")
    for row, (title, curves) in zip(
        figure.subplots(len(tasks), 2, squeeze=False), tasks.items(), strict=True
    ):
        for axes, key, name in zip(
            row, ("forward_passes", "train_seconds"), ("forward passes", "seconds of training"),
            strict=True,
        ):  # fmt: skip
            _bundle(axes, curves, key)
            axes.set(title=title, xlabel=name, ylabel="training images wrong (%)")
            axes.set_yscale("symlog", linthresh=1)  # 0 is reached, and belongs on the axis
            axes.set_ylim(0, None)
    return figure


def _bundle(axes: Axes, curves: pd.DataFrame, key: str) -> None:
    named = False
    for method, curve in curves.groupby("dist", sort=False):
        exact = method == "backprop"
        label = str(method) if exact else "" if named else "noise, one line per distribution"
        named = named or not exact
        axes.plot(
            curve[key],
            100 * curve.train_error_rate,
            color=_BACKPROP if exact else _NOISE,
            linewidth=2.2 if exact else 1.0,
            linestyle="--" if exact else "-",
            zorder=3 if exact else 2,
            label=label or None,
        )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def error_bars(runs: pd.DataFrame, untrained: pd.DataFrame, title: str) -> Figure:
    """Test error per method: the mean over seeds and its interval; the first baseline is a line."""
    rows = [
        (str(name), *interval(list(percent(group))))
        for name, group in runs.groupby("dist", sort=False)
    ]
    first = untrained[untrained.dist == untrained.dist.iloc[0]]  # alone near enough to be seen
    figure = Figure(figsize=(9, 0.34 * len(rows) + 1.8), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(rows))[::-1]
    means, reaches = [mean for _, mean, _ in rows], np.nan_to_num([reach for *_, reach in rows])
    colours = [_BACKPROP if name == "backprop" else _NOISE for name, *_ in rows]
    axes.errorbar(means, y, xerr=reaches, fmt="none", ecolor=GREY, elinewidth=1)
    axes.scatter(means, y, c=colours, zorder=3)
    axes.axvline(percent(first).mean(), color=_BASELINE, linestyle=":", label=first.dist.iloc[0])
    axes.set_yticks(y, [name for name, *_ in rows])
    axes.set(title=f"{title}: mean over seeds, its 95% interval", xlabel="test images wrong (%)")
    axes.set_xlim(0, None)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
