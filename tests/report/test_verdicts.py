"""What the report says of two methods, where few seeds, ties or shared seeds say little."""

import dataclasses
import math

import pytest
from made_up import page, recorded, run, runs

from noise_exp.report.build import build
from noise_exp.sweep.comparison import compared

pytestmark = pytest.mark.slow


def against(errors, reference):
    table = build(runs(gumbel=errors, backprop=reference)).to_backprop
    return table.set_index("method").loc["gumbel"]


@pytest.mark.parametrize("sign", [1, -1])
def test_ranks_and_means_that_disagree_are_not_called_lower_or_higher(sign):
    """Most seeds a little better and few far worse, and the other way round."""
    few_far = [250 - 2 * sign] * 26 + [250 + 200 * sign] * 4
    row = against(few_far, [250] * 30)
    ends = sorted(sign * end for end in (row.low, row.high))
    assert ends[0] > 0 > sign * row.signed_ranks
    assert row.verdict == f"{'lower' if sign > 0 else 'higher'} by ranks, not on average"


def test_ranks_tell_not_how_many_seeds_but_how_far():
    """Sixteen seeds a little better, fourteen far worse: worse by ranks, whatever most seeds do."""
    row = against([249 - i // 2 for i in range(16)] + [400 + 5 * i for i in range(14)], [250] * 30)
    assert (row.lower, row.higher) == (16, 14)
    assert row.verdict == "higher"


def test_pairs_that_tie_have_no_rank():
    """Four and five against one, two and three: with ranks for the ties the sign would turn."""
    row = against([100 + d for d in (4, 5, -1, -2, -3, 0, 0, 0, 0)], [100] * 9)
    assert (row.lower, row.ties, row.higher, row.signed_ranks) == (3, 4, 2, 4 + 5 - 1 - 2 - 3)
    assert against([100] * 9, [100] * 9).signed_ranks == 0


def test_few_pairs_that_do_not_tie_are_tested_exactly():
    row = against([25] * 5 + [50] * 25, [50] * 30)
    assert row.p == pytest.approx(2 / 2**5)  # all signs alike, of five
    assert row.verdict not in ("lower", "higher")
    assert against([25] + [50] * 29, [50] * 30).p == 2 / 2**1


def test_too_few_seeds_for_so_many_comparisons_are_told_so():
    """Eight seeds reach 2/2^8; times thirteen comparisons that is above 5%."""
    distributions = {f"distribution{i}": [250 + i] * 8 for i in range(13)}
    report = build(runs(backprop=[0, 1, 2, 3, 4, 5, 6, 7], **distributions))
    assert set(report.to_backprop.verdict) == {
        "8 pairs, 0 of them ties, cannot tell among 13 comparisons"
    }
    assert report.ranking.p_pairs is None
    assert any("cannot tell any of 91 pairs apart" in said for said in report.unsaid)


def test_cells_of_a_crossed_design_are_not_taken_for_independent_seeds():
    cells = [(i, d, n) for i in range(4) for d in range(4) for n in range(4)]
    found = [
        run(dist, 100 + 20 * cell[0] + (10 if dist == "beta" else 0), 0, seeds=cell)
        for dist in ("gumbel", "beta", "backprop")
        for cell in cells
    ]
    report = build(found)
    methods = report.summary[~report.summary.baseline]
    assert methods[["iqm_low", "constant_low"]].isna().all(axis=None)
    assert report.to_backprop is None
    assert report.to_best is None
    assert not report.luck
    assert math.isnan(report.ranking.p_friedman)
    assert any("share their seeds" in said for said in report.unsaid)
    assert "share their seeds" in page(report)


def test_a_method_that_mostly_failed_is_not_the_best():
    errors = {"gumbel": [100] * 30, "beta": [90] * 30, "backprop": [2] * 3}
    report = build(runs(**errors))
    assert report.best == "beta"
    assert {said.partition(":")[0] for said in report.unsaid} >= {
        "Whether backprop would be best, and its rank", "Too few seeds for an interval",
    }  # fmt: skip
    assert build(runs(**{**errors, "backprop": [2] * 29})).best == "backprop"


def test_runs_on_different_images_are_not_compared():
    found = [
        run(dist, errors, seed, size=size, params={"data": data})
        for data, size, errors in (("mnist01", 500, 200), ("article", 20, 1))
        for dist in ("gumbel", "beta", "backprop")
        for seed in range(8)
    ]
    report = build(found)
    assert report.best is report.to_backprop is report.to_best is None
    assert not report.luck
    assert math.isnan(report.ranking.p_friedman)
    baselines = report.summary[report.summary.baseline].set_index("method")
    images = {"article (20 test images)": 160, "mnist01 (500 test images)": 4000}
    assert baselines.images.to_dict() == {
        f"({name}, {where})": count
        for name in ("best constant", "pixel-sum threshold")
        for where, count in images.items()
    }
    words = f"runs are on {' and '.join(images)}"
    assert any(words in said for said in report.unsaid)
    assert words in page(report)
    alone = build([r for r in found if r.params["data"] == "article"])
    assert alone.to_backprop is not None


@pytest.mark.parametrize(
    ("params", "names"),
    [
        (
            [{"data.path": "d1"}, {"data.path": "d2"}],
            ["mnist01 (500 test images, path=d1)", "mnist01 (500 test images, path=d2)"],
        ),
        (
            [{"data.digits": "[0, 1]"}, {"data.digits": "[3, 8]"}],
            [
                "mnist01 (500 test images, digits=[0, 1])",
                "mnist01 (500 test images, digits=[3, 8])",
            ],
        ),
        (  # files that changed between two runs of the same command
            [{"data.path": "d1"}, {"data.path": "d1"}],
            [
                "mnist01 (500 test images, digest aaaaaaaa)",
                "mnist01 (500 test images, digest bbbbbbbb)",
            ],
        ),
    ],
)
def test_what_a_digest_tells_apart_is_compared_nowhere(params, names):
    found = [
        run(dist, errors, seed, params=keys, digest=digest * 16, overrides=[f"dist={dist}"])
        for keys, digest, errors in zip(params, "ab", (200, 1), strict=True)
        for dist in ("gumbel", "beta", "backprop")
        for seed in range(8)
    ]
    report = build(found)
    assert report.runs.data_sets == names
    assert report.best is report.to_backprop is report.to_best is None
    assert report.runs.duplicates == 0
    assert (report.summary[~report.summary.baseline].seeds == 8).all()
    words = f"runs are on {' and '.join(names)}"
    (said,) = (said for said in report.unsaid if words in said)
    assert f"dataset.digest = '{'a' * 16}'" in said
    assert f"48 runs on {' and '.join(names)}" in page(report)
    assert "comparisons are within seeds" not in page(report)
    summary = compared(found)
    assert summary.headline.startswith(f"on {' and '.join(names)}")
    assert "best:" not in summary.headline
    assert report.methods.cost_vs_backprop.isna().all()
    assert len(report.methods) == 6
    alone = [r for r in found if r.data_digest == "a" * 16]
    assert build(alone).to_backprop is not None
    assert compared(alone).headline.startswith("best: ")


def test_runs_of_different_kernels_are_named():
    found = runs(gumbel=[10] * 6, beta=[20] * 6)
    mixed = [dataclasses.replace(r, tags={"kernel": f"blas {r.params['dist']}"}) for r in found]
    assert any(
        "2 kernels" in said and "blas beta; blas gumbel" in said for said in build(mixed).unsaid
    )
    alike = [dataclasses.replace(r, tags={"kernel": "blas"}) for r in found]
    assert not any("kernels" in said for said in build([*alike, *found]).unsaid)


def test_runs_of_different_programs_are_named():
    found = runs(gumbel=[10] * 6, beta=[20] * 6)
    mixed = [dataclasses.replace(r, tags={"source_digest": r.params["dist"][:2]}) for r in found]
    assert any("2 versions of the program" in said for said in build(mixed).unsaid)
    alike = [dataclasses.replace(r, tags={"source_digest": "ab"}) for r in found]
    assert not any("versions of the program" in said for said in build(alike).unsaid)


def test_a_run_that_failed_before_it_was_built_is_not_taken_for_an_older_run():
    failed = recorded({"dist": "gumbel", "seed": "0"}, error="UserError: no such estimator")
    report = build([*runs(gumbel=[10, 11], beta=[20, 21]), failed])
    assert report.runs.table.error.notna().sum() == 1
    assert report.runs.duplicates == 0
    assert "1 failed" in page(report)
