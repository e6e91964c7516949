"""Two predictors that need no network: what any method has to beat."""

import numpy as np

from noise_exp.training.data import Split


def errors(split: Split) -> dict[str, int]:
    """Return how many test images each gets wrong; pixel_sum_errors only of two classes."""
    wrong = {"constant_errors": constant_errors(split)}
    if split.classes == 2:
        wrong["pixel_sum_errors"] = pixel_sum_errors(split)
    return wrong


def constant_errors(split: Split) -> int:
    """Test images that the best constant answer gets wrong: all but the largest class."""
    counts = np.bincount(split.test_labels)[: split.classes]  # of classes that can be answered
    return len(split.test_labels) - int(counts.max())


def pixel_sum_errors(split: Split) -> int:
    """Test images of two classes that a threshold on the sum of their pixels gets wrong."""
    train, test = (
        images.sum(axis=1, dtype=np.float64) for images in (split.train_images, split.test_images)
    )
    cut, little_is_one = pixel_sum_threshold(train, split.train_labels)
    return int(np.sum(((test < cut) == little_is_one).astype(int) != split.test_labels))


def pixel_sum_threshold(sums: np.ndarray, labels: np.ndarray) -> tuple[float, bool]:
    """Return the threshold that gets the fewest images wrong, and whether sums below it mean 1.

    Parameters
    ----------
    sums
        Sum of each image's pixels, shape (images,).
    labels
        0 or 1, shape (images,).
    """
    order = np.argsort(sums, kind="stable")
    sums, ones = sums[order], labels[order] == 1
    below = np.concatenate([[0], np.cumsum(ones)])  # ones among the k images of the least sum
    k = np.arange(len(ones) + 1)
    wrong = k - below + (below[-1] - below)  # if those below the cut are called 1, the others 0
    between = np.concatenate([[True], sums[1:] > sums[:-1], [True]])  # no cut among equals
    ends = np.concatenate([[sums[0] - 1], sums, [sums[-1] + 1]])
    cuts = (ends[:-1] + ends[1:]) / 2
    candidates = np.stack([wrong, len(ones) - wrong])[:, between]
    side, i = np.unravel_index(np.argmin(candidates), candidates.shape)
    return float(cuts[between][i]), bool(side == 0)
