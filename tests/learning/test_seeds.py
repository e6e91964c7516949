"""`python -m studies.seeds`: what its results hold gives the report of the runs themselves."""

import dataclasses

import numpy as np
import pytest
from made_up import run
from support import ROOT

from noise_exp.report.build import Choices, build
from noise_exp.report.methods import FOLDED, SEVERAL, methods_table
from noise_exp.report.words import design, findings, headlines
from studies import results, seeds


def runs(luck):
    """Two methods, as a sweep leaves them: settings are overrides."""
    for dist, errors in (("gumbel", luck), ("backprop", [4, *luck[1:]])):
        for seed, wrong in enumerate(errors):
            made = run(dist, wrong, seed, params={"training_images": "1595"})
            metrics = {**made.metrics, "cost": wrong / 500}
            yield dataclasses.replace(
                made, metrics=metrics, curves={}, overrides=[f"dist={dist}", f"seed={seed}"]
            )


def said(records):
    report = build(list(records), Choices(at_most=2))
    return [*design(report).split(), *headlines(report), *findings(report)], [
        methods_table(report, where).to_numpy().tolist() for where in (SEVERAL, FOLDED)
    ]


def test_the_report_of_results_is_that_of_the_runs(tmp_path):
    luck = np.random.default_rng(7).integers(150, 300, 30)
    records = list(runs(luck))
    path = tmp_path / "seeds.csv"
    results.merge(path, seeds.rows("fourteen", records))
    kept = [seeds.record_of(row) for _, row in results.read(path).iterrows()]
    assert said(kept) == said(records)


@pytest.mark.parametrize("cell", seeds._SHOWN)
def test_every_table_is_shown_on_the_page(cell):
    page = (ROOT / "docs" / "seeds.md").read_text("utf-8")
    for part in seeds._SHOWN[cell]:
        assert f"results/seeds/{cell}_{part}." in page
