"""Two predictors that need no network: what any method has to beat."""

import numpy as np

from noise_exp.data import Split


def errors(split: Split) -> dict[str, int]:
    """Return how many test images each gets wrong: constant_errors and ink_errors."""
    return {"constant_errors": constant_errors(split), "ink_errors": ink_errors(split)}


def constant_errors(split: Split) -> int:
    """Test images that the best constant answer gets wrong: the size of the smaller class."""
    ones = int(np.sum(split.test_labels))
    return min(ones, len(split.test_labels) - ones)


def ink_errors(split: Split) -> int:
    """Test images wrong by their ink alone: the sum of pixels on one side of one threshold.

    Threshold and side are those that get the fewest training images wrong.
    """
    ink = split.train_images.sum(axis=1, dtype=np.float64)
    order = np.argsort(ink, kind="stable")
    ink, ones = ink[order], split.train_labels[order] > 0.5
    below = np.concatenate([[0], np.cumsum(ones)])  # ones among the k images with least ink
    k = np.arange(len(ones) + 1)
    wrong = k - below + (below[-1] - below)  # if those below the cut are called 1, the others 0
    between = np.concatenate([[True], ink[1:] > ink[:-1], [True]])  # no cut among equals
    ends = np.concatenate([[ink[0] - 1], ink, [ink[-1] + 1]])
    cuts = (ends[:-1] + ends[1:]) / 2
    candidates = np.stack([wrong, len(ones) - wrong])[:, between]
    side, i = np.unravel_index(np.argmin(candidates), candidates.shape)
    below_cut = split.test_images.sum(axis=1, dtype=np.float64) < cuts[between][i]
    return int(np.sum((below_cut != (side == 1)) != (split.test_labels > 0.5)))
