"""What a sweep is drawn as: methods side by side, the article's three; a search's trials."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from noise_exp.figures import COLOURS, panels, style

MOST = 20  # methods that a picture still shows apart
_BANDS = 3  # that can be told apart
_LABEL, _TICK = 44, 28  # characters of a name in a legend, and under a bar


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


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.mean(known)) if len(known) else np.inf


def shown(methods: Sequence[Method]) -> tuple[list[Method], str]:
    """Return the methods that a picture can show, in their order, and what it leaves out.

    Where they are too many, the best and the worst, as many as fit.
    """
    if len(methods) <= MOST:
        return list(methods), ""
    score = [(_mean(m.errors), _mean(m.costs[:, -1:])) for m in methods]  # the lower, the better
    ranked = sorted(range(len(methods)), key=score.__getitem__)
    kept = sorted(ranked[: MOST // 2] + ranked[-MOST // 2 :])
    note = f": the {MOST // 2} best and the {MOST // 2} worst of {len(methods):,}"
    return [methods[i] for i in kept], note


def cost_per_training(methods: Sequence[Method]) -> Figure:
    """Cost per epoch of all methods: the first epochs large, then all of them.

    With several runs of a method, the line is their median; of up to three methods a band runs
    from the lowest to the highest. Of many methods it shows the best and the worst.
    """
    methods, note = shown(methods)
    epochs = max(m.costs.shape[1] for m in methods)
    figure = Figure(figsize=(12, 6.5), layout="constrained")
    first, whole = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.5))
    for axes, last in ((first, min(8, epochs)), (whole, epochs)):
        for i, method in enumerate(methods):
            label = short(method.label, _LABEL)
            text = label if method.tick == method.label else f"{method.tick}  {label}"
            band = 0.12 if len(methods) <= _BANDS else None
            draw_curve(axes, method.costs[:, :last], text, style(i), band)
        axes.set(xlabel="epoch", xlim=(0, max(last - 1, 1)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    first.set(ylabel="cost", ylim=(0, None), title="first epochs")
    whole.set(title="all epochs")
    _mark_ends(whole, methods)
    whole.legend(loc="center left", bbox_to_anchor=(1.06, 0.5), frameon=False, handlelength=3.5)
    figure.suptitle(f"Cost per Training{note}")
    return figure


def draw_curve(
    axes: Axes,
    costs: np.ndarray,
    label: str,
    look: dict,
    band: float | None,
    most: int | None = None,
) -> tuple[np.ndarray, np.ndarray, PolyCollection | None]:
    """Draw the median of several runs by epoch.

    `band`: opacity of a band from the lowest to the highest run; None for no band. Return the
    epochs, `most` of those where there is a number, the median in them, and the band.
    """
    x = np.flatnonzero(np.isfinite(costs).any(axis=0))
    if most:
        x = x[:: max(1, -(-len(x) // most))]
    if not len(x):
        return x, x, None
    costs = costs[:, x]
    median = np.nanmedian(costs, axis=0)
    axes.plot(x, median, label=label, linewidth=1.8, **look)
    if band is None or len(costs) == 1:
        return x, median, None
    low, high = np.nanmin(costs, axis=0), np.nanmax(costs, axis=0)
    filled = axes.fill_between(x, low, high, color=look["color"], alpha=band, linewidth=0)
    return x, median, filled


def _mark_ends(axes: Axes, methods: Sequence[Method]) -> None:
    """Name the curves at their right ends, pushed apart so that no two names overlap."""
    ends = []
    for i, method in enumerate(methods):
        final = method.costs[:, -1]
        if method.tick != method.label and np.isfinite(final).any():  # else the legend must do
            ends.append((float(np.nanmedian(final)), method.tick, style(i)["color"]))
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
    """Bars of the training time in seconds (of several runs the mean, each run a dot)."""
    title = "Training Time Bar Graph in Seconds"
    return _bars(methods, lambda m: m.seconds, title, "training time (s)", "{:.1f}")


def misclassification(methods: Sequence[Method]) -> Figure:
    """Bars of the misclassified test images (of several runs the mean, each run a dot)."""
    title = "Misclassification Bar Graph"
    return _bars(methods, lambda m: m.errors, title, "test images misclassified", "{:.4g}")


def _bars(
    methods: Sequence[Method],
    value: Callable[[Method], np.ndarray],
    title: str,
    axis: str,
    text: str,
) -> Figure:
    methods, note = shown(methods)
    values = [value(m) for m in methods]
    figure = Figure(figsize=(max(9, 0.55 * len(methods) + 3), 5), layout="constrained")
    axes = figure.subplots()
    x = np.arange(len(methods))
    means = [float(np.mean(v)) for v in values]
    bars = axes.bar(x, means, color=COLOURS[0], width=0.7)
    axes.bar_label(bars, [text.format(m) for m in means], padding=2)
    for i, runs in enumerate(values):
        if len(runs) > 1:
            axes.plot(np.full(len(runs), i), runs, ".", color=COLOURS[6], alpha=0.5)
    named = all(m.tick != m.label for m in methods)
    ticks = [
        f"{m.tick}\n{m.label.replace('_', chr(10))}" if named else short(m.label, _TICK)
        for m in methods
    ]
    axes.set_xticks(x, ticks, fontsize=8 if named else 9)
    if not named:
        axes.tick_params("x", rotation=30)
        for tick in axes.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")
    several = max(map(len, values)) > 1
    axes.set(title=f"{title}{note}", ylabel=f"{axis}, mean over seeds" if several else axis)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    return figure


def short(name: str, most: int) -> str:
    """Leave out the middle of a long name: what tells settings apart often stands at its end."""
    half = most // 2
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def history(trials: Sequence[int], scores: Sequence[float | None], name: str) -> Figure:
    """Score of each trial of a study, and the best so far; `name` says what the score is."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    values = np.array(scores, float)  # None is not a number
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
    width = 4.2 * min(3, len(settings))
    figure, panes = panels(len(settings), 3, width, 3.4, sharey=True)
    values = np.array(scores, float)
    for axes, (key, chosen) in zip(panes, settings.items(), strict=True):
        numbers = all(isinstance(value, int | float) for value in chosen)
        x = chosen if numbers else [str(value) for value in chosen]
        axes.plot(x, values, ".", color=COLOURS[0])
        if numbers:
            _spread_out(axes.set_xscale, np.array(chosen, float))
        axes.set(xlabel=key)
        axes.grid(alpha=0.3)
    for axes in panes[::3]:
        axes.set(ylabel=name)
    _spread_out(panes[0].set_yscale, values)
    return figure


def _spread_out(set_scale: Callable[[str], object], values: np.ndarray) -> None:
    """Make a scale logarithmic where positive values differ by more than a factor of ten."""
    finite = values[np.isfinite(values)]
    if len(finite) and finite.min() > 0 and finite.max() > 10 * finite.min():
        set_scale("log")
