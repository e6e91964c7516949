"""Seconds per forward pass: what is timed is what it says."""

import numpy as np
import pytest

from noise_exp.training import article
from studies.benchmarks import feedback


@pytest.mark.parametrize("contender", feedback.CONTENDERS)
def test_all_do_about_the_same_work(contender):
    # The weights' products twice, and once more those above the first layer: for the deltas of
    # back propagation, or for the pass with noise, whose first layer is known.
    pixels = feedback.Embedded([0, 1], 100, 255.0).split(np.random.default_rng(0).permutation)
    inputs = np.any(pixels.train_images, axis=0).sum()
    first, second = article.HIDDEN
    above = first * second + second
    _, passes = feedback._records(contender, 1, "zeros and ones")
    assert passes == pytest.approx(2 + above / (inputs * first + above), rel=0.01)


def test_ratios_are_of_medians():
    measured = {
        ("backprop", "zeros and ones"): [1.0, 2.0, 9.0],
        ("learned_feedback", "zeros and ones"): [2.4, 1.0, 9.0],
    }
    assert feedback.ratio(measured, "learned_feedback", "zeros and ones") == 1.2
    assert "| learned_feedback | 2400.00 (1000.00-9000.00) | 1.20 |" in feedback.table(measured)
