"""Seconds per forward pass: what is timed is what it says."""

import pytest

from studies.benchmarks import feedback


@pytest.mark.parametrize("contender", feedback.CONTENDERS)
def test_all_are_charged_alike(contender):
    # Forward, and backward, which counts two: or once more with noise, and the weights' products.
    _, counted = feedback._records(contender, 1, "zeros and ones")
    assert counted == 3


def test_ratios_are_of_medians():
    measured = {
        ("backprop", "zeros and ones"): [1.0, 2.0, 9.0],
        ("learned_feedback", "zeros and ones"): [2.4, 1.0, 9.0],
    }
    assert feedback.ratio(measured, "learned_feedback", "zeros and ones") == 1.2
    assert "| learned_feedback | 2400.00 (1000.00-9000.00) | 1.20 |" in feedback.table(measured)
