"""Pictures of how far noise comes with how much feedback."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from noise_exp.figures import COLOURS, DASHES
from studies.comparison import percent
from studies.feedback.cells import BUDGETS, FEEDBACK, LONG, NETWORKS, name_of


def by_passes(runs: pd.DataFrame) -> Figure:
    """Test error against the budget of forward passes, one curve per preset."""
    budgets = {str(passes): float(passes) for passes in (*BUDGETS, *LONG)}
    xlabel = "forward passes over the training images"
    figure = _bands(runs, budgets, "Ten digits: how much feedback does noise need?", xlabel)
    axes = figure.axes[0]
    axes.set_xscale("log")
    groups = set(runs.cell.str.rpartition("/")[0])
    axes.set_xticks([x for group, x in budgets.items() if group in groups])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    return figure


def by_depth(runs: pd.DataFrame) -> Figure:
    """Test error against the number of hidden layers of 128 units, one curve per preset."""
    layers = {f"networks/{name_of(h)}": h.count("128") for h in NETWORKS}
    return _bands(runs, layers, "Ten digits: where does each stop learning?", "hidden layers")


def _bands(runs: pd.DataFrame, places: Mapping[str, float], title: str, xlabel: str) -> Figure:
    """Draw medians over seeds, and bands from lowest to highest; `places`: x by group of cells."""
    own = runs.assign(x=runs.cell.str.rpartition("/")[0].map(places), error=percent(runs))
    figure = Figure(figsize=(10.5, 6), layout="constrained")
    axes = figure.subplots()
    levels = list(dict.fromkeys(f.partition(",")[0] for f in FEEDBACK.values()))
    alike: dict[str, int] = {}
    for preset, feedback in FEEDBACK.items():
        errors = own[own.preset == preset].dropna(subset="x").groupby("x").error
        if not len(errors):
            continue
        level = feedback.partition(",")[0]
        colour = COLOURS[levels.index(level)]
        alike[level] = place = alike.get(level, -1) + 1
        at = errors.median().index
        axes.fill_between(at, errors.min(), errors.max(), color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            at, errors.median(), color=colour, linewidth=1.6, linestyle=DASHES[place % len(DASHES)],
            marker="osDv^<>Ph"[place], markersize=4, label=f"{preset} ({feedback})",
        )  # fmt: skip
    axes.set(title=title, xlabel=xlabel, ylabel="test images wrong (%)")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(FuncFormatter(_minor))
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _minor(y: float, _: object) -> str:
    """Name some of the lines between powers of ten: what is read off lies there."""
    return f"{y:g}" if f"{y:.0e}"[0] in "25" else ""
