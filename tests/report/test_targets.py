"""How long it takes to reach a level, where some runs end before they do."""

import math

import pytest
from made_up import page, run

from noise_exp.report.build import build
from noise_exp.report.targets import Target, to_target


def test_censored_times():
    # Of five runs, one each reaches 10% in epoch 1, 2 and 3; one ends after epoch 2 and one after
    # epoch 4 without.
    rates = [[0.05] * 4, [0.5, 0.1, 0.2, 0.2], [0.5, 0.5, 0.1, 0.1], [0.5] * 2, [0.5] * 4]
    records = [run("gumbel", 9, s, error_rates=r) for s, r in enumerate(rates)]
    (row,) = to_target(build(records).runs, Target(level=0.1)).itertuples()
    assert (row.runs, row.reached) == (5, 3)
    # Survival, by hand: 1 until 1, then 4/5, 4/5 * 3/4 until 3, 3/5 * 1/2 until 4.
    assert row.forward_passes_restricted_mean == pytest.approx(1 + 0.8 + 0.6 + 0.3)
    assert row.forward_passes_median == row.train_seconds_median == 3
    assert row.forward_passes_horizon == 4
    report = build([run("gumbel", 9, s, error_rates=[0.5] * 4) for s in range(5)])
    (row,) = report.targets.itertuples()
    assert (row.reached, row.forward_passes_restricted_mean) == (0, 4)
    assert math.isnan(row.forward_passes_median)
    assert "none reaches it" in page(report)
    # Of four, two get there: the curve stays at one half, so there is no median.
    halves = [run("gumbel", 9, s, error_rates=[0.05 if s < 2 else 0.5] * 2) for s in range(4)]
    assert "2 of 4 median not reached" in page(build(halves))
