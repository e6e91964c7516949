"""The answers that need no training: the pixel-sum threshold and the constant."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support import split

from noise_exp.training import baselines
from noise_exp.training.data import Embedded


def test_the_constant_and_of_two_classes_the_pixel_sum():
    for digits in ([0, 1], list(range(10))):
        images = split(Embedded(digits, 500))
        labels, wrong = images.test_labels, baselines.errors(images)
        assert wrong["constant_errors"] == min(int(np.sum(labels != d)) for d in range(len(digits)))
        assert ("pixel_sum_errors" in wrong) == (len(digits) == 2)
    two = split(Embedded([0, 1], 500))
    train, test = (np.sum(x, axis=1, dtype=float) for x in (two.train_images, two.test_images))
    cut, less_is_one = baselines.pixel_sum_threshold(train, two.train_labels)
    expected = np.sum(((test < cut) == less_is_one) != (two.test_labels == 1))
    assert baselines.pixel_sum_errors(two) == expected < 50  # zeros have the larger sums


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=30))
def test_no_threshold_on_the_sum_is_better(images):
    sums, ones = np.array([i for i, _ in images], float), np.array([one for _, one in images])
    cut, less_is_one = baselines.pixel_sum_threshold(sums, ones.astype(int))
    wrong = np.sum(((sums < cut) == less_is_one) != ones)
    assert wrong == min(
        np.sum(((sums < t) == way) != ones) for t in (*sums, np.inf) for way in (True, False)
    )
