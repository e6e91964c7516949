"""The report on data whose answers are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import SIZE, page, recorded, run, runs

from noise_exp.report import page as report_page
from noise_exp.report import targets, variance
from noise_exp.report.build import Choices, build
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.sweep import ending

pytestmark = pytest.mark.slow
REPORT = {"runs.csv", "comparison.csv", "comparison.md", "report.html", "report_targets.csv",
          "report_pairs.csv"}  # fmt: skip


def test_two_identical_methods(luck):
    report = build(runs(gumbel=luck, beta=luck, backprop=luck - 100))
    only = build(runs(gumbel=luck, beta=luck))
    (row,) = only.to_best.itertuples()
    assert row.verdict == "equal within 0.01"
    assert (row.difference, row.low, row.high) == (0, 0, 0)
    assert (row.lower, row.ties, row.higher) == (0, 30, 0)
    # The two share a rank, and no test tells them apart; both are told from backprop.
    ranks, p = report.ranking.ranks, report.ranking.p_pairs
    assert ranks.to_dict() == {"gumbel": 2.5, "beta": 2.5, "backprop": 1}
    assert p.loc["gumbel", "beta"] == pytest.approx(1)
    assert p.loc["gumbel", "backprop"] < 1e-4
    assert report.ranking.p_friedman < 1e-6
    page(report)


def test_all_ties():
    report = build(runs(gumbel=[200] * 8, beta=[200] * 8, backprop=[200] * 8))
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row["mean"], row.low, row.high) == (0.4, 0.4, 0.4)
    assert set(report.to_reference.verdict) == {"equal within 0.01"}
    assert report.luck == {}
    text = page(report)
    assert "all methods tie on every seed" in text
    assert "All methods tie in 8 of 8 seeds" in text


def test_one_missing_cell(luck):
    records = runs(gumbel=luck, beta=luck + 30, backprop=luck - 100)
    failed = records[3]
    records[3] = recorded(failed.params, letter="a", error="out of luck")
    report = build(records)
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row.seeds, row.missing, row.failed) == (29, 1, 1)
    assert report.summary.set_index("method").loc["beta"].missing == 0
    pairs = report.to_reference.set_index("method").pairs
    assert pairs.to_dict() == {"gumbel": 29, "beta": 30}
    assert report.ranking.ranks.index.tolist() == ["beta", "backprop"]
    text = page(report)
    assert "gumbel (1). Pairs are formed of the others" in text
    assert "Whether gumbel would be best, and its rank" in text
    assert "Not every method has a run on every seed" in text


def test_a_method_without_finite_results(luck):
    records = runs(gumbel=luck, beta=luck, backprop=luck - 100)
    broken = [
        recorded({**r.params, "dist": "pareto"}, {}, {"cost": [0.3, math.nan]}, "h", diverged=True)
        for r in records[:30]
    ]
    report = build(records + broken, Choices(outcome="cost"))
    assert report.ranking.ranks.index.tolist() == ["gumbel", "beta", "backprop"]
    assert report.ranking.blocks == 30
    verdicts = report.to_reference.set_index("method").verdict
    assert verdicts["pareto"] == "undecided (0 of 5 seeds)"
    text = page(report)
    assert "pareto has no finite cost: it is in no comparison" in text
    assert "30 diverged" in text
    page(build(broken))  # and nothing but such a method
    failed = recorded({"dist": "beta", "dist.a": "-1"}, error="out of luck")  # before it had a seed
    page(build([failed]))
    assert "2 methods on 1 seed: 2 runs" in page(
        build([run("beta", 9, 0, params={"dist.a": "1"}), failed])
    )


def test_counts_and_wilsons_intervals():
    report = build([run("gumbel", e, s, size=20) for s, e in enumerate([0, 2, 3, 2, 19])],
                   Choices(at_most=2))  # fmt: skip
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row.few, row.test_errors, row.test_size) == (3, 5.2, 20)
    # Wilson's formula, by hand: 3 of 5.
    z, n, p = 1.959964, 5, 0.6
    centre = (p + z**2 / 2 / n) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)
    assert (row.few_low, row.few_high) == (
        pytest.approx(centre - half),
        pytest.approx(centre + half),
    )
    assert row.worst == 0.95
    assert row.worst_block == "seed=4"
    assert "20 test images" in page(report)


def test_how_often_a_seed_beats_a_constant_answer_and_the_pixel_sum():
    report = build(runs(gumbel=[219, 220, 221, 39, 300], beta=[500] * 5))
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row.beats_constant, row.constant_seeds, row.beats_pixel_sum) == (2, 5, 1)
    row = report.summary.set_index("method").loc["(pixel-sum threshold)"]
    assert (row["median"], row.seeds) == (40 / SIZE, 5)


def test_one_distribution_under_two_names_is_the_noise_floor(luck):
    other = luck + np.tile([-10, 10], 15)
    report = build(runs(gaussian=luck, standard_normal=other))
    (row,) = report.noise_floor.itertuples()
    assert row.largest == 10 / SIZE
    assert row.deviation == pytest.approx(10 / SIZE * math.sqrt(30 / 29))
    assert row.low < 0 < row.high
    assert "Noise floor: gaussian and standard_normal are one distribution" in page(report)
    same = build(runs(gaussian=luck, standard_normal=luck))
    assert "tie in all 30 pairs" in page(same)
    wide = [run("gaussian", e, s, params={"dist.scale": "2.0"}) for s, e in enumerate(luck)]
    assert build(wide + runs(standard_normal=luck)).noise_floor.empty


def test_a_hidden_difference_of_settings_is_said(luck):
    records = runs(gumbel=luck) + [
        run("beta", e, s, params={"optimizer.lr": "0.1"}) for s, e in enumerate(luck)
    ]
    for record in records[:30]:
        record.params["optimizer.lr"] = "0.03"
    assert "optimizer.lr (0.03, 0.1)" in page(build(records))


def test_of_the_same_run_twice_the_newer_counts():
    report = build([run("gumbel", 5, 0), run("gumbel", 7, 0), run("gumbel", 8, 1)])
    assert report.runs.table.errors.tolist() == [7, 8]
    assert "1 older runs" in page(report)


@pytest.mark.parametrize(("place", "name", "lost"), [
    (report_page, "render", {"report.html"}),
    (variance, "of_methods", {"report.html", "report_variance.csv"}),
    (targets, "to_target", {"report.html", "report_targets.csv"}),
    (report_page, "markdown_of", {"comparison.md"}),
])  # fmt: skip
def test_what_cannot_be_made_fails_no_sweep_and_takes_little_with_it(
    tmp_path, monkeypatch, caplog, place, name, lost
):
    def broken(*_):
        raise RuntimeError("out of luck")

    monkeypatch.setattr(place, name, broken)
    plan = SimpleNamespace(jobs=[[]], swept=["dist"], folder=tmp_path)
    journal = Journal.start(tmp_path, Record("sweep", {"kind": "sweep"}))
    sweep = SimpleNamespace(journal=journal, plan=plan, started=0.0, store=None)
    ending._compare(sweep, runs(gumbel=[5, 6, 9], backprop=[1, 0, 2]), [])
    journal.release()
    left = {path.name for path in tmp_path.iterdir()}
    assert REPORT - left == lost & REPORT
    assert f"The {min(lost)} could not be made (RuntimeError: out of luck)" in caplog.text
