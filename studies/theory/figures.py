"""The pictures of the theory: what is predicted as lines, what is measured as dots."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noise_exp.figures import COLOURS, GREY

_MEASURED, _LINES = COLOURS[1], (COLOURS[0], *COLOURS[2:6])
_MARKS = ("o", "s", "^", "D", "v")


@dataclass(frozen=True)
class Curve:
    """A prediction: points (x, y) joined by a line; a rival's is dashed and grey."""

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    rival: bool = False


@dataclass(frozen=True)
class Points:
    """Measurements: values y at x, with the ends of their intervals where they have them."""

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray | None = None
    high: Sequence[float] | np.ndarray | None = None


@dataclass(frozen=True)
class Sample:
    """A measured sample, drawn as a histogram of density."""

    label: str
    values: np.ndarray
    bins: Sequence[float] | int = 40


@dataclass(frozen=True)
class Picture:
    """One small picture.

    Attributes
    ----------
    title
        What it shows, as a sentence.
    x, y
        Names of the axes.
    names
        Of the places 0, 1, 2, ... on the x axis, where it has no numbers.
    """

    title: str
    x: str
    y: str
    curves: Sequence[Curve] = ()
    points: Sequence[Points] = ()
    samples: Sequence[Sample] = ()
    log_x: bool = False
    log_y: bool = False
    names: Sequence[str] = ()
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    legend: bool = True


def draw(picture: Picture) -> Figure:
    """Draw a picture of 5.2 by 3.4 inches."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    for i, sample in enumerate(picture.samples):
        axes.hist(
            sample.values, sample.bins, density=True, label=sample.label, alpha=0.45,
            color=(_MEASURED, GREY, _LINES[1])[i % 3],
        )  # fmt: skip
    lines = 0
    for curve in picture.curves:
        colour, dash = (GREY, (0, (4, 2))) if curve.rival else (_LINES[lines % 5], "-")
        lines += not curve.rival
        axes.plot(curve.x, curve.y, color=colour, linestyle=dash, linewidth=1.8, label=curve.label)
    for i, points in enumerate(picture.points):
        colour = _MEASURED if len(picture.points) == 1 else (_MEASURED, *_LINES[1:])[i % 5]
        _draw_points(axes, points, colour, _MARKS[i % 5])
    axes.set_title(picture.title, fontsize=10)
    axes.set(xlabel=picture.x, ylabel=picture.y)
    if picture.log_x:
        axes.set_xscale("log")
    if picture.log_y:
        axes.set_yscale("log")
    if picture.names:
        long = len(picture.names) > 5
        axes.set_xticks(
            range(len(picture.names)), [n.replace("_", " ") for n in picture.names],
            fontsize=8, rotation=35 if long else 0, ha="right" if long else "center",
        )  # fmt: skip
    if picture.x_range:
        axes.set_xlim(*picture.x_range)
    if picture.y_range:
        axes.set_ylim(*picture.y_range)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    if axes.get_legend_handles_labels()[0] and picture.legend:
        axes.legend(frameon=False, fontsize=8)
    return figure


def _draw_points(axes: Axes, points: Points, colour: str, mark: str) -> None:
    y = np.asarray(points.y, float)
    crowd = len(y) > 100
    style: dict[str, Any] = {"color": colour, "label": points.label, "zorder": 3}
    style |= {"linestyle": "none", "marker": mark, "markersize": 3 if crowd else 4.5}
    if points.low is None or points.high is None:
        axes.plot(points.x, y, alpha=0.5 if crowd else 1.0, markeredgewidth=0, **style)
    else:
        reach = [y - np.asarray(points.low, float), np.asarray(points.high, float) - y]
        axes.errorbar(points.x, y, np.maximum(reach, 0), capsize=2, elinewidth=1, **style)
