"""The pictures of a search: its trials' scores."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noise_exp.figures.style import COLOURS


def history(trials: Sequence[int], scores: Sequence[float | None], name: str) -> Figure:
    """Score of each trial of a study, and the best so far; `name` says what the score is."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    values = np.array([np.nan if score is None else score for score in scores])
    axes.plot(trials, values, ".", color=COLOURS[0], label="trial")
    axes.step(
        trials, np.fmin.accumulate(values), where="post", color=COLOURS[1], label="best so far"
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
            axes.plot(chosen, values, ".", color=COLOURS[0])
            _spread_out(axes.set_xscale, np.array(chosen, float))
        else:
            axes.plot([str(value) for value in chosen], values, ".", color=COLOURS[0])
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
