"""Every picture, of plain arrays. Made without pyplot: no window, no global state."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["COLOURS", "GREY", "Figure", "panels", "style"]

# Okabe and Ito's colours (2008), safe for colour-blind readers, in two dashings: fourteen curves.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"  # what is only to be compared with
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)))


def style(i: int) -> dict:
    """Return colour and dashing of the i-th curve."""
    return {
        "color": COLOURS[i % len(COLOURS)],
        "linestyle": DASHES[i // len(COLOURS) % len(DASHES)],
    }


def panels(
    n: int, most: int, width: float, height: float, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of n panels, at most so many in a row; `height` is a row's, in inches."""
    columns = max(1, min(most, n))
    rows = max(1, -(-n // columns))
    figure = Figure(figsize=(width, height * rows + 0.3), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for empty in axes[n:]:
        empty.set_visible(False)
    return figure, axes[:n]
