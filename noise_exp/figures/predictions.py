"""Images, what they were taken for, and how surely."""

import math
from collections.abc import Sequence

import numpy as np

from noise_exp.figures import COLOURS, Figure, panels

_COLUMNS = 8
FORMATS = Figure().canvas.get_supported_filetypes()  # by the endings of their files' names


def draw(images: np.ndarray, labels: Sequence[int], probabilities: Sequence[float]) -> Figure:
    """Draw every image with its label and the label's probability, and a bar as long as that.

    `images`: (images, pixels); those that are no square are drawn as one row of pixels.
    """
    width = 1.5 * min(_COLUMNS, len(images)) + 0.3
    figure, axes = panels(len(images), _COLUMNS, width, 1.9)
    side = math.isqrt(images.shape[1])
    shape = (side, side) if side**2 == images.shape[1] else (1, -1)
    for one, image, label, p in zip(axes, images, labels, probabilities, strict=True):
        one.imshow(image.reshape(shape), cmap="gray", extent=(0, 1, 0, 1))
        one.barh(-0.06, p if math.isfinite(p) else 0, height=0.07, color=COLOURS[2])
        one.barh(-0.06, 1, height=0.07, color="none", edgecolor="#999999", linewidth=0.6)
        one.set(xlim=(0, 1), ylim=(-0.1, 1), xlabel=f"{label}: {p:.1%}")
        one.set(xticks=[], yticks=[])
        one.spines[:].set_visible(False)
    return figure
