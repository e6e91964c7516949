"""Pictures of how far noise comes with how much feedback."""

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from noise_exp.figures import COLOURS, style
from studies.comparison import percent
from studies.feedback.cells import BUDGETS, FEEDBACK, LONG, NETWORKS, name_of

_GREY = "#7a7a7a"  # readable on white and on black


def by_passes(runs: pd.DataFrame, ours: Collection[str] = ()) -> Figure:
    """Test errors of every preset, a panel for each budget that there are results of.

    `ours` are presets that stand out.
    """
    runs = runs.assign(error=percent(runs))
    budgets = [b for b in (*BUDGETS, *LONG) if runs.cell.str.startswith(f"{b}/").any()]
    figure = Figure(figsize=(1.9 + 3.3 * len(budgets), 4.6), layout="constrained")
    names = [*FEEDBACK]
    axes = figure.subplots(1, len(budgets), sharey=True, squeeze=False)[0]
    for ax, budget in zip(axes, budgets, strict=True):
        for row, name in enumerate(names):
            own = runs[runs.cell == f"{budget}/{name}"].error
            colour = COLOURS[1] if name in ours else _GREY
            ax.plot(own, [row] * len(own), "o", color=colour, alpha=0.6, markersize=4)
        ax.set_xscale("log")
        ax.set_xticks(ticks := [5, 10, 20, 50, 90], [str(t) for t in ticks], color=_GREY)
        ax.minorticks_off()
        ax.tick_params(color=_GREY)
        ax.set_xlabel(f"test images wrong (%), {budget:,} forward passes", color=_GREY)
        ax.grid(alpha=0.25, color=_GREY)
        ax.spines[:].set_visible(False)
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    for label in axes[0].get_yticklabels():
        label.set_color(COLOURS[1] if label.get_text() in ours else _GREY)
    return figure


def by_depth(runs: pd.DataFrame) -> Figure:
    """Test error against the number of hidden layers of 128 units, one curve per preset.

    Curves are medians over seeds, bands from the lowest to the highest.
    """
    layers = {f"networks/{name_of(h)}": h.count("128") for h in NETWORKS}
    own = runs.assign(x=runs.cell.str.rpartition("/")[0].map(layers), error=percent(runs))
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for i, (preset, rows) in enumerate(own.dropna(subset="x").groupby("preset", sort=False)):
        errors = rows.groupby("x").error
        at = errors.median().index
        look = style(i)
        axes.fill_between(
            at, errors.min(), errors.max(), color=look["color"], alpha=0.15, linewidth=0
        )
        axes.plot(at, errors.median(), marker="o", markersize=4, **look, label=preset)
    axes.set(xlabel="hidden layers of 128 units", ylabel="test images wrong (%)")
    axes.set_xticks([*layers.values()])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
