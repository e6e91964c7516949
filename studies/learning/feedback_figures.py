"""Pictures of how far noise comes with how much feedback."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from noise_exp.figures import COLOURS, DASHES


@dataclass(frozen=True)
class Band:
    """The runs of one preset.

    Attributes
    ----------
    label, feedback
        Its name, and its feedback: those with the same share a colour.
    x
        What was varied, ascending.
    errors
        For each x the test errors over seeds, in percent.
    """

    label: str
    feedback: str
    x: Sequence[float]
    errors: Sequence[Sequence[float]]


def bands(presets: Sequence[Band], title: str, xlabel: str, log_x: bool = True) -> Figure:
    """Test error against what was varied: medians over seeds, and bands from lowest to highest."""
    figure = Figure(figsize=(10.5, 6), layout="constrained")
    axes = figure.subplots()
    levels = list(dict.fromkeys(preset.feedback for preset in presets))
    for preset in presets:
        level = levels.index(preset.feedback)
        alike = [other.label for other in presets if other.feedback == preset.feedback]
        colour = COLOURS[level % len(COLOURS)]
        place = alike.index(preset.label)
        axes.fill_between(
            preset.x, [min(e) for e in preset.errors], [max(e) for e in preset.errors],
            color=colour, alpha=0.15, linewidth=0,
        )  # fmt: skip
        axes.plot(
            preset.x, [np.median(e) for e in preset.errors], color=colour, linewidth=1.6,
            linestyle=DASHES[place % len(DASHES)], marker="osDv^"[place % 5], markersize=4,
            label=f"{preset.label} ({preset.feedback})",
        )  # fmt: skip
    axes.set(title=title, xlabel=xlabel, ylabel="test images wrong (%)")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(_minor))
    if log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _minor(y: float, _: object) -> str:
    """Name some of the lines between powers of ten: what is read off lies there."""
    return f"{y:g}" if f"{y:.0e}"[0] in "25" else ""
