"""The notebook's pictures, of plain arrays."""

import io

import marimo as mo
import numpy as np
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, SKY, GREY = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#555555"
)  # fmt: skip


def show(figure, alt):
    """Return a figure as an image, sharp on dense screens; `alt` is for who cannot see it."""
    content = io.BytesIO()
    figure.savefig(content, dpi=160)
    pixels = 96 * figure.get_figwidth()
    # On a phone it scrolls sideways: letters would be too small to read.
    sizes = {"max-width": f"{pixels:.0f}px", "min-width": f"{0.65 * pixels:.0f}px"}
    image = mo.image(content.getvalue(), alt=alt, width="100%", style=sizes)
    return mo.Html(f'<div style="overflow-x:auto">{image.text}</div>')


def blank(width, height, *panels, **options):
    """Return a figure and its axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(*panels, **options)


def flow(image, one, two, output):
    """Draw an image and the units that it moves."""
    figure, axes = blank(9, 2.7, 1, 4, width_ratios=(1, 1.07, 1, 0.35))
    axes[0].imshow(image.reshape(28, 28), cmap="gray")
    axes[1].imshow(one.reshape(28, 30), cmap="RdBu", vmin=-1.6, vmax=1.6)
    axes[2].imshow(two.reshape(32, 32), cmap="RdBu", vmin=-1.6, vmax=1.6)
    axes[3].bar([0], output, color=BLUE)
    axes[3].set(ylim=(0, 1), title=f"{output[0]:.2f}", xticks=[])
    for panel, title in zip(axes, ("image", "840 units", "1024 units"), strict=False):
        panel.set(title=title)
        panel.axis("off")
    return show(figure, "an image and the units that it moves")


def rule(noise, exact, outputs, ones, epochs):
    """Draw both costs by epoch, and where the outputs (epochs, images) of zeros and ones lie."""
    figure, (left, right) = blank(9, 3.4, 1, 2)
    left.plot(noise, color=ORANGE, lw=2, label="noise")
    left.plot(exact, color=GREY, ls="--", label="back propagation")
    left.set(xlabel="epoch", ylabel="cost", ylim=(-0.02, None), xlim=(-1, epochs))
    left.legend(frameon=False)
    x = np.arange(1, len(noise) + 1)
    for which, colour, name in ((~ones, BLUE, "zeros"), (ones, PINK, "ones")):
        low, middle, high = np.quantile(outputs[:, which], (0.1, 0.5, 0.9), axis=1)
        right.fill_between(x, low, high, color=colour, alpha=0.25, lw=0)
        right.plot(x, middle, color=colour, lw=2, label=name)
    right.set(xlabel="epoch", ylabel="output", ylim=(-0.03, 1.03), xlim=(0, epochs))
    right.legend(frameon=False, loc="center right")
    return show(figure, "cost per epoch, and outputs by label")


def luck(wrong, by_sum):
    """Draw a dot per seed over its images wrong, of 20; the first is marked."""
    figure, axes = blank(9, 2.8)
    stacked = [np.sum(wrong[:i] == w) for i, w in enumerate(wrong)]
    top = max(8, 1.3 * max(stacked))
    axes.plot(wrong, stacked, "o", color=BLUE, ms=8)
    axes.plot(wrong[0], 0, "o", color=ORANGE, ms=11)
    axes.annotate("seed 452", (wrong[0], 0.3), (wrong[0], 0.88 * top), color=ORANGE, ha="center",
                  arrowprops={"arrowstyle": "-", "color": ORANGE})  # fmt: skip
    axes.axvline(by_sum, color=GREEN, lw=2)
    axes.text(by_sum + 0.2, 0.93, "pixel-sum threshold", color=GREEN, va="top",
              transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set(xlim=(-0.7, 20.7), ylim=(-0.7, top), yticks=[], xticks=range(0, 21, 2),
             xlabel="test images wrong, of 20")  # fmt: skip
    return show(figure, "errors of fifty seeds as dots")


def stall(changes, rates):
    """Draw what steps would change the cost by (steps, rates), those up apart from those down."""
    figure, panels = blank(9, 2.8, 1, len(rates))
    for axes, rate, values in zip(panels, rates, np.transpose(changes), strict=True):
        edges = np.linspace(*(np.abs(values).max() * np.array([-1.05, 1.05])), 25)
        axes.hist(values[values < 0], edges, color=GREEN)
        axes.hist(values[values >= 0], edges, color=ORANGE)
        up = np.mean(values >= 0)
        axes.set(title=f"rate {rate}: {up:.0%} up", xlabel="change of the cost", yticks=[])
        axes.axvline(0, color=GREY, lw=1)
        axes.locator_params("x", nbins=5)
    return show(figure, "changes of the cost by fresh noise, before and after the drop")


def search(ways, passes):
    """Draw errors against forward passes, and by epoch the angles in degrees of those with any."""
    figure, (left, right) = blank(9, 3.2, 1, 2)
    colours = (BLUE, ORANGE, GREEN, SKY, PINK)[: len(ways)]
    for (name, (x, y, angles)), colour in zip(ways.items(), colours, strict=True):
        left.plot(x, np.maximum(y, 3e-4), color=colour, lw=2, label=name)
        right.plot(range(1, 1 + len(angles)), angles, color=colour, lw=2)
    left.set(xlabel="forward passes", ylabel="share wrong", yscale="log", xlim=(0, passes))
    figure.legend(loc="outside upper center", ncols=len(ways), frameon=False, fontsize=9)
    right.axhline(90, color=GREY, lw=1)
    right.set(
        xlabel="epoch", ylabel="degrees from back propagation", ylim=(0, 100), xlim=(0.5, None)
    )
    return show(figure, "error against forward passes, and angles to back propagation")


def units(weights):
    """Draw the weights (pixels, units) of the first sixty units as images."""
    tiles = np.pad(weights.T[:60].reshape(4, 15, 28, 28), ((0, 0), (0, 0), (1, 1), (1, 1)),
                   constant_values=np.nan)  # fmt: skip
    figure, axes = blank(9, 2.5)
    limit = np.nanquantile(np.abs(tiles), 0.995)
    tiled = tiles.transpose(0, 2, 1, 3).reshape(120, 450)
    axes.imshow(tiled, cmap="RdBu", vmin=-limit, vmax=limit)
    axes.axis("off")
    return show(figure, "weights of sixty units as images")


def chances(probabilities):
    """Draw the probability of each digit."""
    figure, axes = blank(5, 2.8)
    axes.bar(range(10), probabilities, color=BLUE)
    axes.set(xticks=range(10), ylim=(0, 1), ylabel="probability")
    return show(figure, "probability of each digit")


def own(draws, wrong):
    """Draw a distribution's draws, without its far tails, and the error of what it trains."""
    spread = np.subtract(*np.quantile(draws, (0.8, 0.2)))
    inner = draws[np.abs(draws - np.median(draws)) <= 5 * spread]
    figure, (left, right) = blank(9, 2.8, 1, 2)
    left.hist(inner, 60, color=PINK)
    left.set(title="20,000 draws (the middle of them)", yticks=[])
    right.plot(wrong, color=ORANGE, lw=2, marker="o")
    right.set(xlabel="epoch", ylabel="training share wrong", ylim=(0, 0.6))
    return show(figure, "the distribution, and the error while it trains")
