"""Pictures of what noise learns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noise_exp.figures import COLOURS, GREY

_NOISE, _BACKPROP, _FLOOR = COLOURS[:3]


@dataclass(frozen=True)
class Learner:
    """The runs of one method, as curves.

    Attributes
    ----------
    label
        Its name.
    passes, seconds, errors
        By epoch, medians over runs: forward passes, seconds and the training error rate, 0 to 1.
    """

    label: str
    passes: np.ndarray
    seconds: np.ndarray
    errors: np.ndarray


def learning_curves(tasks: Sequence[tuple[str, Sequence[Learner]]]) -> Figure:
    """Training error against forward passes and against seconds, one row for each task.

    The noise distributions share one colour: they are one bundle beside back propagation.
    """
    figure = Figure(figsize=(11, 4.2 * len(tasks)), layout="constrained")
    for row, (title, learners) in zip(
        figure.subplots(len(tasks), 2, squeeze=False), tasks, strict=True
    ):
        for axes, key, name in zip(
            row, ("passes", "seconds"), ("forward passes", "seconds of training"), strict=True
        ):
            _bundle(axes, learners, key)
            axes.set(title=title, xlabel=name, ylabel="training images wrong (%)")
            axes.set_yscale("symlog", linthresh=1)  # 0 is reached, and belongs on the axis
            axes.set_ylim(0, None)
    return figure


def _bundle(axes: Axes, learners: Sequence[Learner], key: str) -> None:
    named = False
    for learner in learners:
        exact = learner.label == "backprop"
        label = learner.label if exact else "" if named else "noise, one line per distribution"
        named = named or not exact
        axes.plot(
            getattr(learner, key),
            100 * learner.errors,
            color=_BACKPROP if exact else _NOISE,
            linewidth=2.2 if exact else 1.0,
            linestyle="--" if exact else "-",
            zorder=3 if exact else 2,
            label=label or None,
        )
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def error_bars(
    rows: Sequence[tuple[str, float, float]], floor: tuple[str, float], title: str
) -> Figure:
    """Test error per method (name, mean, reach of its interval; of 0 to 1), the floor a line."""
    figure = Figure(figsize=(9, 0.34 * len(rows) + 1.8), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(rows))[::-1]
    means = [100 * mean for _, mean, _ in rows]
    errors = [100 * np.nan_to_num(error) for _, _, error in rows]
    colours = [_BACKPROP if name == "backprop" else _NOISE for name, _, _ in rows]
    axes.errorbar(means, y, xerr=errors, fmt="none", ecolor=GREY, elinewidth=1)
    axes.scatter(means, y, c=colours, zorder=3)
    axes.axvline(100 * floor[1], color=_FLOOR, linestyle=":", label=floor[0])
    axes.set_yticks(y, [name for name, _, _ in rows])
    axes.set(title=title, xlabel="test images wrong (%)")
    axes.set_xlim(0, None)
    axes.grid(axis="x", alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def filters(columns: Sequence[tuple[str, np.ndarray]], n: int) -> Figure:
    """First-layer weights of the `n` units that moved most, one row for each network.

    Each column of the arrays (784, units) is a unit; red is positive, blue negative.
    """
    figure = Figure(figsize=(1.05 * n + 1.5, 1.25 * len(columns)), layout="constrained")
    for row, (label, weights) in zip(
        figure.subplots(len(columns), n, squeeze=False), columns, strict=True
    ):
        for axes, unit in zip(row, weights.T[:n], strict=True):
            span = np.max(np.abs(unit)) or 1
            axes.imshow(unit.reshape(28, 28), cmap="RdBu_r", vmin=-span, vmax=span)
            axes.set(xticks=[], yticks=[])
        row[0].set_ylabel(label, rotation=0, ha="right", va="center")
    return figure


def digits(images: np.ndarray, captions: Sequence[str], title: str) -> Figure:
    """Images (n, 784), each with its caption."""
    across = min(10, max(1, len(images)))
    down = -(-len(images) // across)
    width = max(1.1 * across, 5.0)  # the title's
    figure = Figure(figsize=(width, 1.5 * down + 0.4), layout="constrained")
    for axes in figure.subplots(down, across, squeeze=False).flat:
        axes.axis("off")
    for axes, image, caption in zip(figure.axes, images, captions, strict=False):
        axes.imshow(image.reshape(28, 28), cmap="Greys")
        axes.set_title(caption, fontsize=9)
    figure.suptitle(title)
    return figure
