"""The report on data whose answers are known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from made_up import SIZE, page, recorded, run, runs
from scipy.stats import wilcoxon

from noise_exp.report import page as report_page
from noise_exp.report import pairs, targets
from noise_exp.report.build import Choices, build
from noise_exp.report.words import findings
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.sweep import ending

pytestmark = pytest.mark.slow
REPORT = {"runs.csv", "comparison.csv", "comparison.md", "report.html", "report_targets.csv",
          "report_pairs.csv"}  # fmt: skip


def pair(table, method):
    (row,) = (r for r in table.itertuples() if r.method == method)
    return row


def test_two_identical_methods(luck):
    report = build(runs(gumbel=luck, beta=luck, backprop=luck - 100))
    row = pair(report.to_backprop, "gumbel")
    assert row.verdict == "higher"
    only = build(runs(gumbel=luck, beta=luck))
    row = pair(only.to_best, "beta" if only.best == "gumbel" else "gumbel")
    assert row.verdict == "identical in all 30 pairs"
    assert (row.difference, row.low, row.high, row.p, row.p_equivalence) == (0, 0, 0, 1, 0)
    assert (row.lower, row.ties, row.higher) == (0, 30, 0)
    assert "identical in all 30 pairs" in page(only)
    # The two share a rank, and no test tells them apart; both are told from backprop.
    ranks, p = report.ranking.ranks, report.ranking.p_pairs
    assert ranks.to_dict() == {"gumbel": 2.5, "beta": 2.5, "backprop": 1}
    assert p.loc["gumbel", "beta"] == 1
    assert p.loc["gumbel", "backprop"] < 1e-4
    assert report.ranking.p_friedman < 1e-6
    page(report)


def test_a_method_that_is_shifted_by_a_known_amount(luck):
    report = build(runs(gumbel=luck + 25, backprop=luck))
    row = pair(report.to_backprop, "gumbel")
    assert (row.difference, row.low, row.high) == pytest.approx((0.05, 0.05, 0.05))
    assert row.p < 1e-5
    assert row.p_equivalence == 1
    assert row.verdict == "higher"
    # Shifted by a little, with noise on top: different, but by less than the margin.
    noise = np.tile([-1, 1], 15)
    report = build(runs(gumbel=luck + 2 + noise, backprop=luck))
    row = pair(report.to_backprop, "gumbel")
    assert row.low < 2 / SIZE < row.high
    assert row.high - row.low == pytest.approx(2 * 1.96 / SIZE / math.sqrt(30), rel=0.15)
    assert row.verdict == "higher, by less than 0.01"
    # Not shifted at all: not equal, yet equivalent; and by a margin too narrow, undecided.
    report = build(runs(gumbel=luck + noise, backprop=luck))
    assert pair(report.to_backprop, "gumbel").verdict == "equivalent within 0.01"
    report = build(runs(gumbel=luck + noise, backprop=luck), Choices(margin=1e-5))
    assert pair(report.to_backprop, "gumbel").verdict == "undecided"


def test_tests_against_a_reference_are_corrected_for_their_number(luck):
    rng = np.random.default_rng(2)
    others = {dist: luck + rng.normal(0, 40, 30).round() + shift
              for dist, shift in (("gumbel", 14), ("gaussian", 18), ("beta", 22))}  # fmt: skip
    table = build(runs(**others, backprop=luck)).to_backprop.set_index("method")
    raw = sorted((wilcoxon(errors - luck).pvalue, dist) for dist, errors in others.items())
    so_far = 0.0
    for (p, dist), rivals in zip(raw, (3, 2, 1), strict=True):  # Holm, step by step
        so_far = max(so_far, min(1, rivals * p))
        assert table.p[dist] == pytest.approx(so_far)


def test_all_ties():
    report = build(runs(gumbel=[200] * 8, beta=[200] * 8, backprop=[200] * 8))
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row.iqm, row.iqm_low, row.iqm_high) == (0.4, 0.4, 0.4)
    assert row.note == "all 8 seeds equal"
    assert set(report.to_backprop.verdict) == {"identical in all 8 pairs"}
    assert report.ranking.note == "all methods tie in every block"
    assert report.luck == {}
    text = page(report)
    assert "all methods tie in every block" in text
    assert "All methods tie in 8 of 8 seeds" in text


def test_one_missing_cell(luck):
    records = runs(gumbel=luck, beta=luck + 30, backprop=luck - 100)
    failed = records[3]
    records[3] = recorded(failed.params, letter="a", error="out of luck")
    report = build(records)
    row = report.summary.set_index("method").loc["gumbel"]
    assert (row.seeds, row.missing, row.failed) == (29, 1, 1)
    assert report.summary.set_index("method").loc["beta"].missing == 0
    assert pair(report.to_backprop, "gumbel").pairs == 29
    assert pair(report.to_backprop, "beta").pairs == 30
    assert (report.ranking.blocks, report.ranking.dropped) == (29, 1)
    text = page(report)
    assert "gumbel (1). Pairs are formed of the others" in text
    assert "Ranks use 29 seeds; 1 are left out" in text
    assert "Not every method has a run on every seed" in text


@pytest.mark.parametrize(("seeds", "words"), [
    (1, "One seed per method"), (2, "2 seeds are too few"), (5, "5 seeds: bootstrap intervals"),
])  # fmt: skip
def test_few_seeds(luck, seeds, words):
    report = build(runs(gumbel=luck[:seeds], beta=luck[:seeds] + 9, backprop=luck[:seeds] // 9))
    text = page(report)
    assert words in text
    verdict = pair(report.to_backprop, "gumbel").verdict
    assert verdict == f"cannot be said from {seeds} of the 6 pairs that a test needs"
    same = build(runs(gumbel=luck[:seeds], beta=luck[:seeds]))  # alike so far, which says little
    assert same.to_best.verdict.tolist() == [verdict]
    interval = report.summary.set_index("method").loc["gumbel"]
    assert math.isfinite(interval.iqm_low) == (seeds >= 5)
    assert report.ranking.p_pairs is None


def test_a_method_without_finite_results(luck):
    records = runs(gumbel=luck, beta=luck, backprop=luck - 100)
    broken = [
        recorded({**r.params, "dist": "pareto"}, {}, {"cost": [0.3, math.nan]}, "h", diverged=True)
        for r in records[:30]
    ]
    report = build(records + broken, Choices(outcome="cost"))
    assert report.ranking.ranks.index.tolist() == ["gumbel", "beta", "backprop"]
    assert report.ranking.blocks == 30
    assert pair(report.to_backprop, "pareto").verdict == "no pair with finite results"
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
    assert (row.few, row.errors, row.images) == (3, 26, 100)
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
    (row,) = report.floor.itertuples()
    assert row.largest == 10 / SIZE
    assert row.deviation == pytest.approx(10 / SIZE * math.sqrt(30 / 29))
    assert row.low < 0 < row.high
    assert "Noise floor: gaussian and standard_normal are one distribution" in page(report)
    same = build(runs(gaussian=luck, standard_normal=luck))
    assert "tie in all 30 pairs" in page(same)
    wide = [run("gaussian", e, s, params={"dist.scale": "2.0"}) for s, e in enumerate(luck)]
    assert build(wide + runs(standard_normal=luck)).floor.empty


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
    (pairs, "against", {"report.html", "report_pairs.csv"}),
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
    assert REPORT - left == lost
    assert f"The {min(lost)} could not be made (RuntimeError: out of luck)" in caplog.text


def test_findings_name_all_that_are_best_alike():
    said = findings(build(runs(gumbel=[0] * 8, beta=[0] * 8, backprop=[0] * 7 + [9])))
    assert said[0].startswith("Lowest test_error_rate: gumbel (as low: beta), median 0,")


def test_findings_name_the_best_and_its_rivals(luck):
    said = " ".join(findings(build(runs(gumbel=luck, beta=luck + 40, backprop=luck // 50))))
    assert "Lowest test_error_rate: backprop" in said
    assert "higher: gumbel, beta" in said
    assert "is the method" in said
