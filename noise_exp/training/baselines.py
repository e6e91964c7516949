"""Two predictors that need no network: what any method has to beat."""

import numpy as np

from noise_exp.training.data import Split


def errors(split: Split) -> dict[str, int]:
    """Return how many test images each gets wrong: constant_errors, of two classes ink_errors."""
    found = {"constant_errors": constant_errors(split)}
    if split.classes == 2:
        found["ink_errors"] = ink_errors(split)
    return found


def constant_errors(split: Split) -> int:
    """Test images that the best constant answer gets wrong: all but the largest class."""
    return len(split.test_labels) - int(np.bincount(split.test_labels).max())


def ink_errors(split: Split) -> int:
    """Test images wrong by their ink alone: the sum of pixels on one side of one threshold.

    Of two classes. Threshold and side are those that get the fewest training images wrong.
    """
    ink = split.train_images.sum(axis=1, dtype=np.float64)
    order = np.argsort(ink, kind="stable")
    ink, ones = ink[order], split.train_labels[order] == 1
    below = np.concatenate([[0], np.cumsum(ones)])  # ones among the k images with least ink
    k = np.arange(len(ones) + 1)
    wrong = k - below + (below[-1] - below)  # if those below the cut are called 1, the others 0
    between = np.concatenate([[True], ink[1:] > ink[:-1], [True]])  # no cut among equals
    ends = np.concatenate([[ink[0] - 1], ink, [ink[-1] + 1]])
    cuts = (ends[:-1] + ends[1:]) / 2
    candidates = np.stack([wrong, len(ones) - wrong])[:, between]
    side, i = np.unravel_index(np.argmin(candidates), candidates.shape)
    below_cut = split.test_images.sum(axis=1, dtype=np.float64) < cuts[between][i]
    return int(np.sum((below_cut != (side == 1)) != (split.test_labels == 1)))
