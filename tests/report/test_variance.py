"""Shares of variance: whose a known effect is, and how far a share can be trusted."""

import numpy as np
import pandas as pd
import pytest
from made_up import page, run, runs

from noise_exp.report import variance
from noise_exp.report.build import build
from studies.seeds import sources_table


def test_a_shift_of_a_method_is_the_methods_and_a_shift_of_a_seed_the_seeds():
    seeds = np.arange(30) * 2
    table = build(runs(gumbel=100 + seeds, beta=130 + seeds)).luck["all methods"]
    share = table.set_index("effect").share
    method, seed = np.var([100, 130], ddof=1), np.var(seeds, ddof=1)
    assert share["method"] == pytest.approx(method / (method + seed))
    assert share["seed"] == pytest.approx(seed / (method + seed))
    assert share["method x seed"] == pytest.approx(0, abs=1e-9)


def crossed(a, b, c, within=None):
    """A table of a full crossed design with the given effects, and an interaction of all."""
    y = a[:, None, None] + b[None, :, None] + c[None, None, :]
    if within is not None:
        y = y + within
    index = np.indices(y.shape).reshape(3, -1)
    return pd.DataFrame(
        {"init": index[0], "data": index[1], "noise": index[2], "outcome": y.ravel()}
    )


def test_shares_of_variance_of_known_effects():
    a, b, c = np.array([0.0, 3, 1, 7]), np.array([0.0, 1, 1]), np.array([2.0, 2, 2, 2, 2])
    table = variance.shares(crossed(a, b, c), ("init", "data", "noise")).set_index("effect")
    whole = a.var(ddof=1) + b.var(ddof=1)
    assert table.share["init"] == pytest.approx(a.var(ddof=1) / whole)
    assert table.share["data"] == pytest.approx(b.var(ddof=1) / whole)
    assert table.share.drop(["init", "data"]).max() == pytest.approx(0, abs=1e-9)
    assert table.degrees_of_freedom.to_dict() == {
        "init": 3, "data": 2, "noise": 4, "init x data": 6, "init x noise": 12,
        "data x noise": 8, "init x data x noise": 24,
    }  # fmt: skip


@pytest.mark.slow
def test_intervals_of_shares_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(3)
    deviations = (2.0, 1.0, 1.0, 1.0)  # of init, data, noise and the rest
    held = dict.fromkeys(("init", "data", "noise"), 0)
    for _ in range(40):
        a, b, c = (rng.normal(0, s, 5) for s in deviations[:3])
        table = variance.shares(
            crossed(a, b, c, rng.normal(0, deviations[3], (5, 5, 5))), ("init", "data", "noise")
        ).set_index("effect")
        for effect, deviation in zip(held, deviations, strict=False):
            truth = deviation**2 / 7
            held[effect] += table.low[effect] <= truth <= table.high[effect]
    assert min(held.values()) >= 33  # of 40: 95% are 38, and fewer than 33 come once in 1,400 times


def test_a_report_on_a_crossed_design(luck):
    errors = np.random.default_rng(1).integers(0, 9, (3, 3, 3)) + 50 * np.arange(3)[:, None, None]
    records = [
        run("beta", int(errors[i, d, n]), 0, seeds=(i, d, n))
        for i in range(3) for d in range(3) for n in range(3)
    ]  # fmt: skip
    report = build(records)
    table = report.sources["beta"].set_index("effect")
    assert table.share["init"] > 0.9
    assert table.low["init"] < table.share["init"] < table.high["init"]
    assert "beta" in page(report)
    shown = sources_table(report).set_index("source")
    assert shown.beta["init"].startswith(f"{table.share['init']:.0%} (")
    incomplete = build(records[:-1])
    assert incomplete.sources == {}
    assert "the design is not complete: 26 of 27 cells" in page(incomplete)
    assert "one seed drives init and data and noise together" in page(build(runs(beta=luck)))
