"""The answers that need no training: the ink counter and the constant."""

import numpy as np
import pytest

from noise_exp.training import baselines
from noise_exp.training.baselines import ink_threshold
from noise_exp.training.data import Embedded, Split


def test_the_ink_counter_and_the_constant_against_every_threshold():
    split = Embedded([0, 1], 500, 1.0).split(np.random.default_rng(5).permutation, np.float32)
    small = Split(
        split.train_images[:80], split.train_labels[:80], split.test_images[:60],
        split.test_labels[:60], split.test_indices[:60], "", "",
    )  # fmt: skip
    train, test = (
        images.astype(float).sum(1) for images in (small.train_images, small.test_images)
    )
    answers = [
        (np.sum(((train < cut) == is_one) != (small.train_labels == 1)),
         np.sum(((test < cut) == is_one) != (small.test_labels == 1)))
        for cut in (np.sort(train)[:-1] + np.sort(train)[1:]) / 2 for is_one in (True, False)
    ]  # fmt: skip
    least = min(wrong for wrong, _ in answers)
    assert baselines.ink_errors(small) in [t for wrong, t in answers if wrong == least]
    assert baselines.ink_errors(split) < 50  # zeros have more ink than ones
    assert baselines.constant_errors(small) == min(np.bincount(small.test_labels.astype(int)))


def test_of_ten_digits_the_constant_alone():
    split = Embedded(list(range(10)), 500, 1.0).split(
        np.random.default_rng(5).permutation, np.float32
    )
    wrong = min(int(np.sum(split.test_labels != digit)) for digit in range(10))
    assert baselines.errors(split) == {"constant_errors": wrong}


@pytest.mark.parametrize("less_is_one", [True, False])
def test_ink_counter_is_the_best_threshold(less_is_one):
    rng = np.random.default_rng(0)
    ink = rng.random((40, 3)).sum(axis=1)
    labels = ((ink + 0.3 * rng.standard_normal(40) < 1.4) == less_is_one).astype(int)
    cut, little_is_one = ink_threshold(ink, labels)
    assert little_is_one == less_is_one
    wrong = np.sum(((ink < cut) == little_is_one) != (labels == 1))
    assert wrong == min(np.sum(((ink <= t) == less_is_one) != (labels == 1)) for t in ink)
