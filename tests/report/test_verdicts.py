"""What the report says of two methods: one interval and one verdict, by other programs too."""

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from made_up import SIZE, page, recorded, run, runs
from scipy import stats
from support import LETTERS

from noise_exp.report import pairs
from noise_exp.report.build import Choices, build
from noise_exp.report.words import headlines
from noise_exp.sweep.summary import of_methods

NOISE = [dist for dist in LETTERS if dist != "backprop"]


def row(table, method="gumbel"):
    (found,) = (r for r in table.itertuples() if r.method == method)
    return found


def against(errors, reference, **choices):
    return row(build(runs(gumbel=errors, backprop=reference), Choices(**choices)).to_reference)


def test_intervals_are_students_corrected_for_their_number(luck):
    rng = np.random.default_rng(2)
    others = {dist: luck + rng.normal(0, 40, 30).round() for dist in ("gumbel", "gaussian", "beta")}
    table = build(runs(**others, backprop=luck)).to_reference
    for dist, errors in others.items():
        found = stats.ttest_1samp((errors - luck) / SIZE, 0)
        ends = found.confidence_interval(1 - 0.05 / 3)
        assert (row(table, dist).low, row(table, dist).high) == pytest.approx((ends.low, ends.high))


@pytest.mark.parametrize("seeds", [5, 8, 30])
def test_all_intervals_of_a_table_hold_at_once_as_often_as_they_say(seeds):
    rng, held, times = np.random.default_rng(seeds), 0, 300
    for _ in range(times):
        one, *others = rng.normal(size=(14, seeds))
        found = [pairs.compare(pd.Series(other - one), 13, 0.1) for other in others]
        held += all(each["low"] < 0 < each["high"] for each in found)
    # At least 95%; 300 experiments of a true 95% show fewer than 92% once in a hundred times.
    assert held / times > 0.92


@pytest.mark.parametrize(
    ("shift", "scatter", "choices", "verdict"),
    [
        (25, 0, {}, "higher"),
        (-25, 0, {}, "lower"),
        (25, 3, {}, "higher"),
        (2, 1, {}, "equal within 0.01"),
        (2, 1, {"margin": 0.001}, "higher"),
        (0, 1, {}, "equal within 0.01"),
        (0, 1, {"margin": 1e-5}, "undecided"),
        (0, 0, {}, "equal within 0.01"),
        (5, 90, {}, "undecided"),
    ],
)
def test_a_verdict_follows_from_the_interval_alone(luck, shift, scatter, choices, verdict):
    found = against(luck + shift + scatter * np.tile([-1, 1], 15), luck, **choices)
    assert found.verdict == verdict
    assert found.difference == pytest.approx(shift / SIZE)
    assert found.median_difference == pytest.approx(shift / SIZE)
    assert found.low <= found.difference <= found.high


@pytest.mark.parametrize("seeds", [1, 2, 4, 5])
def test_few_seeds_decide_nothing_however_alike(luck, seeds):
    report = build(runs(gumbel=luck[:seeds] + 50, beta=luck[:seeds], backprop=luck[:seeds]))
    decided = "higher" if seeds == 5 else f"undecided ({seeds} of 5 seeds)"
    assert row(report.to_reference).verdict == decided
    assert math.isfinite(row(report.to_reference).low) == (seeds == 5)
    words = {1: "One seed per method", 5: "Intervals are about"}
    assert words.get(seeds, f"{seeds} seeds are too few") in page(report)


def failing(seeds):
    """Back propagation ahead of every noise on all seeds but one, on which it fails as they do."""
    rng = np.random.default_rng(seeds)
    noise = {dist: rng.integers(200, 280, seeds) for dist in NOISE}
    backprop = np.where(np.arange(seeds) == 2, 250, rng.integers(0, 4, seeds))
    return build(runs(**noise, backprop=backprop))


def test_a_reference_that_fails_on_one_seed_is_told_apart_at_eight_and_the_seed_is_named():
    eight, five = failing(8), failing(5)
    assert set(eight.to_reference.verdict) == {"higher"}
    assert set(five.to_reference.verdict) == {"undecided"}
    for report, seeds in ((eight, 8), (five, 5)):
        assert set(report.to_reference.moved_by) == {"seed=2"}
        wide = report.compared
        difference = wide.gumbel - wide.backprop
        moved = difference.mean() - difference.drop("seed=2").mean()
        assert row(report.to_reference).moved == pytest.approx(moved)
        assert any("One seed: seed=2 moves most mean" in said for said in headlines(report))
        assert f"seed=2: {moved:+.3g}" in page(report), seeds


def test_a_best_that_the_seeds_have_chosen_is_not_told_apart_too_often():
    rng, found = np.random.default_rng(5), 0
    for _ in range(100):
        wide = pd.DataFrame(rng.normal(size=(8, 14))).rename(columns=str)
        best = str(wide.mean().idxmin())
        found += (pairs.against(wide, best, 1e-3, chosen=True).verdict == "higher").any()
    assert found <= 11  # of 100: 5 are due, and more than 11 come once in two hundred times


def test_runs_with_batches_and_without_are_paired_by_the_seeds_that_both_draw_from():
    def params(dist, seed):
        size = "128" if dist == "beta" else "None"
        return {"batch_size": size, "seeds.batches": str(seed), "seeds.data": "452"}

    found = [run(d, e, s, seeds=(s, 452, s), params=params(d, s))
             for d, e in (("beta", 20), ("gumbel", 90)) for s in range(6)]  # fmt: skip
    report = build(found)
    assert (report.runs.blocks, report.best) == (6, "beta")
    assert row(report.to_reference).verdict == "higher"
    apart = build([r for r in found if r.dist == "beta"]).runs.table
    assert apart.block[1] == "init=1 data=452 noise=1 batches=1"


def test_batches_of_an_earlier_version_are_those_of_the_seed_of_data():
    crossed = itertools.product(range(2), repeat=3)
    found = [run("beta", 100 + 9 * i + 5 * d + n, 0, seeds=(i, d, n), params={"batch_size": "128"})
             for i, d, n in crossed]  # fmt: skip
    assert set(build(found).sources["beta"].effect) >= {"init", "data", "noise"}


@pytest.mark.parametrize("seeds", [6, 8])
def test_sign_flips_are_those_of_whole_seeds_and_of_the_largest_t(seeds):
    rng = np.random.default_rng(seeds)
    found = pd.DataFrame(rng.normal(0.6, 1, (seeds, 3)))
    found.iloc[0, 2] = math.nan  # a pair that is missing

    def t(values):
        return np.abs([stats.ttest_1samp(values[m].dropna(), 0).statistic for m in values])

    largest = [
        t(found.mul(list(signs), axis=0))[: 3 if seeds > 6 else 2].max()
        for signs in itertools.product((1, -1), repeat=seeds)
    ]
    expected = [np.mean(np.array(largest) >= own - 1e-9) for own in t(found)]
    p = pairs.flips(found)
    assert p[:2] == pytest.approx(expected[:2])
    assert math.isnan(p[2]) if seeds == 6 else p[2] == pytest.approx(expected[2])


def test_sign_flips_of_many_seeds_are_drawn_and_hold_their_level():
    rng = np.random.default_rng(0)
    rejected = [pairs.flips(pd.DataFrame(rng.normal(size=(20, 4)))).min() < 0.05
                for _ in range(100)]  # fmt: skip
    assert sum(rejected) < 13  # of 100: 5 are due, and more than 12 come once in a thousand times
    assert pairs.flips(pd.DataFrame(rng.normal(3, 1, (20, 4)))).max() == pytest.approx(1e-4)


def test_an_interval_for_new_images_is_wider_by_nadeau_and_bengio(luck):
    def split(held):
        params = {"training_images": "1000"}
        rng = np.random.default_rng(1)
        return build([
            run(dist, e, s, params=params, seeds=(s, 1 if held else s, s))
            for dist, errors in (("gumbel", luck + rng.integers(0, 40, 30)), ("backprop", luck))
            for s, e in enumerate(errors)
        ])  # fmt: skip

    found = row(split(held=False).to_reference)
    wider = math.sqrt((1 / 30 + SIZE / 1000) / (1 / 30))
    assert found.new_high - found.new_low == pytest.approx(wider * (found.high - found.low))
    assert "those for new images are wider" in page(split(held=False))
    assert "new_low" not in split(held=True).to_reference
    assert "all seeds share the images" in page(split(held=True))


def test_cells_of_a_crossed_design_are_not_taken_for_independent_seeds():
    cells = [(i, d, n) for i in range(4) for d in range(4) for n in range(4)]
    report = build([
        run(dist, 100 + 20 * cell[0] + (10 if dist == "beta" else 0), 0, seeds=cell)
        for dist in ("gumbel", "beta", "backprop")
        for cell in cells
    ])  # fmt: skip
    assert report.methods[["low", "constant_low"]].isna().all(axis=None)
    assert report.against == []
    assert not report.luck
    assert math.isnan(report.ranking.p_friedman)
    assert "share their seeds" in page(report)


def test_a_method_needs_all_seeds_to_be_best():
    errors = {"gumbel": [100] * 30, "beta": [90] * 30, "backprop": [2] * 29}
    report = build(runs(**errors))
    assert report.best == "beta"
    assert any("Whether backprop would be best" in said for said in report.unsaid)
    none = build(runs(gumbel=[100] * 3) + [run("beta", 9, s) for s in (1, 2, 3)])
    assert none.best is none.best_run is None
    assert headlines(none)[0] == "No method is best: none has a result on every seed."


@pytest.mark.parametrize(("errors", "median"), [([9, 5, 7], 7), ([9, 5, 7, 8], 7), ([3], 3)])
def test_the_best_run_is_that_of_the_best_methods_median_seed(errors, median):
    luckiest = {"beta": [0, *([400] * (len(errors) - 1))]} if len(errors) > 1 else {}
    records = [dataclasses.replace(r, run_id=f"{r.dist} {r.errors:g}")
               for r in runs(gumbel=errors, **luckiest)]  # fmt: skip
    assert of_methods(records).tags == {"best": "gumbel", "best_run_id": f"gumbel {median}"}


def test_noise_that_is_ahead_of_back_propagation_is_told_from_it():
    said = headlines(build(runs(gumbel=[10, 12, 11, 9, 10], backprop=[60, 61, 62, 60, 59])))
    assert "next backprop, +0.1" in said[0]
    assert said[1] == "Not told apart from gumbel: none."


def test_two_best_alike_are_both_named():
    said = headlines(build(runs(gumbel=[0] * 8, beta=[0] * 8, backprop=[0] * 7 + [9])))
    assert said[0].startswith("Lowest mean test_error_rate over 8 seeds: gumbel (as low: beta), 0")
    assert said[1] == "Not told apart from gumbel: beta, backprop (equal within 0.01)."


def test_the_first_sentences_say_what_needs_no_training_and_where_noise_learns(luck):
    said = " ".join(headlines(build(runs(gumbel=luck, beta=luck + 40, backprop=luck // 50))))
    assert "Lower mean than the pixel-sum threshold's 0.08: backprop." in said
    assert "Where noise learns: python -m noise_exp -m experiment=learn" in said
    learned = " ".join(headlines(build(runs(gumbel=luck // 50, backprop=luck // 50))))
    assert "every method" in learned
    between = " ".join(headlines(build(runs(gumbel=[100] * 5, backprop=[0] * 5))))
    assert "the best constant's 0.44: every method" in between
    for said in (learned, between, " ".join(headlines(build(runs(backprop=[0] * 5))))):
        assert "Where noise learns" not in said


def test_runs_on_different_images_are_not_compared():
    found = [
        run(dist, errors, seed, size=size, params={"data": data})
        for data, size, errors in (("mnist01", 500, 200), ("article", 20, 1))
        for dist in ("gumbel", "beta", "backprop")
        for seed in range(8)
    ]
    report = build(found)
    assert report.best is report.to_reference is report.to_other is None
    assert not report.luck
    assert math.isnan(report.ranking.p_friedman)
    baselines = report.summary[report.summary.baseline].set_index("method")
    images = {"article (20 test images)": 20, "mnist01 (500 test images)": 500}
    assert baselines.test_size.to_dict() == {
        f"({name}, {where})": count
        for name in ("best constant", "pixel-sum threshold")
        for where, count in images.items()
    }
    words = f"runs are on {' and '.join(images)}"
    assert any(words in said for said in report.unsaid)
    assert words in page(report)
    alone = build([r for r in found if r.params["data"] == "article"])
    assert alone.to_reference is not None


@pytest.mark.parametrize(
    ("params", "details"),
    [
        ([{"data.path": "d1"}, {"data.path": "d2"}], ["path=d1", "path=d2"]),
        (
            [{"data.digits": "[0, 1]"}, {"data.digits": "[3, 8]"}],
            ["digits=[0, 1]", "digits=[3, 8]"],
        ),
        # files that changed between two runs of the same command
        ([{"data.path": "d1"}, {"data.path": "d1"}], ["digest aaaaaaaa", "digest bbbbbbbb"]),
    ],
)
def test_what_a_digest_tells_apart_is_compared_nowhere(params, details):
    names = [f"mnist01 (500 test images, {detail})" for detail in details]
    found = [
        run(dist, errors, seed, params=keys, digest=digest * 16, overrides=[f"dist={dist}"])
        for keys, digest, errors in zip(params, "ab", (200, 1), strict=True)
        for dist in ("gumbel", "beta", "backprop")
        for seed in range(8)
    ]
    report = build(found)
    assert report.runs.data_sets == names
    assert report.best is report.to_reference is report.to_other is None
    assert report.runs.duplicates == 0
    assert (report.methods.seeds == 8).all()
    words = f"runs are on {' and '.join(names)}"
    (said,) = (said for said in report.unsaid if words in said)
    assert f"dataset.digest = '{'a' * 16}'" in said
    assert f"48 runs on {' and '.join(names)}" in page(report)
    assert "comparisons are within seeds" not in page(report)
    summary = of_methods(found)
    assert summary.headline.startswith(f"on {' and '.join(names)}")
    assert "best:" not in summary.headline
    assert report.methods.cost_vs_backprop.isna().all()
    assert len(report.methods) == 6
    alone = [r for r in found if r.data_digest == "a" * 16]
    assert build(alone).to_reference is not None
    assert of_methods(alone).headline.startswith("best: ")


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("kernel", "2 kernels computed these (beta; gumbel)"),
        ("source_digest", "2 versions of the program"),
        ("work_unit", "What forward passes buy"),
    ],
)
def test_runs_of_different_programs_are_named(tag, words):
    found = runs(gumbel=[10] * 6, beta=[20] * 6)
    mixed = [dataclasses.replace(r, tags={tag: r.params["dist"]}) for r in found]
    assert any(words in said for said in build(mixed).unsaid)
    alike = [dataclasses.replace(r, tags={tag: "the same"}) for r in found]
    assert not any(words[2:] in said for said in build(alike).unsaid)
    for some in ([*alike[:6], *found[6:]], found):
        unknown = any(words[2:] in said for said in build(some).unsaid)
        assert unknown == (tag == "work_unit")  # where it is missing, an earlier version counted


def test_a_run_that_failed_before_it_was_built_is_not_taken_for_an_older_run():
    failed = recorded({"dist": "gumbel", "seed": "0"}, error="UserError: no such estimator")
    report = build([*runs(gumbel=[10, 11], beta=[20, 21]), failed])
    assert report.runs.table.error.notna().sum() == 1
    assert report.runs.duplicates == 0
    assert "1 failed" in page(report)
