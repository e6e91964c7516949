"""Seconds to a target: what is timed is what it says."""

import math
from types import SimpleNamespace

import pytest

from studies.benchmarks import feedback


@pytest.mark.parametrize(("rates", "seconds"), [([0.3, 0.05, 0.01], 2.0), ([0.3, 0.051], math.inf)])
def test_the_seconds_are_those_up_to_the_first_epoch_that_reaches_the_target(rates, seconds):
    """Five percent; one that never gets there took for ever."""
    epochs = iter(SimpleNamespace(error_rate=rate) for rate in rates)
    records = (SimpleNamespace(train_seconds=n) for n in (1.0, 2.0, 3.0)[: len(rates)])
    trial = SimpleNamespace(train=lambda: records, test=lambda: next(epochs))
    assert feedback.reached(trial) == seconds


def test_ratios_are_of_each_seed():
    table = feedback.table({"backprop": [1.0, 2.0, 4.0], "learned_feedback": [2.0, 3.0, 4.0]})
    assert "| learned_feedback | 3 | 3.00 (2.00-4.00) | 1.50 |" in table
