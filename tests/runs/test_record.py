"""One record: what a folder holds of a run is what the store holds of it."""

import math

import pytest
from made_up import recorded
from support import ROOT, SMALL

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import CURVES, Record
from noise_exp.tracking import reading
from noise_exp.tracking.store import Store
from noise_exp.training.diagnostics import NAMES

BROKEN = "def step(self, parameters, direction, moment): raise RuntimeError('out of luck')"


@pytest.mark.parametrize(
    ("options", "scored"),
    [
        (["dist=gumbel"], "cost"),
        (["estimator=feedback_alignment", "diagnostics=true"], "cost"),
        (["dist=backprop", "data.validation_size=30", "data=mnist01"], "validation_cost"),
        (["--config-dir=my", "optimizer=broken"], None),
    ],
)
def test_folder_and_store_tell_the_same_of_a_run(cli, options, scored):
    cli.own_part("optimizer", "broken", BROKEN)
    assert cli(*options, *SMALL, "hydra.run.dir=out").returncode == (scored is None)
    (theirs,) = reading.read(Store.existing(cli.uri, "noise_training"), cli.runs("run"))
    ours = Journal.load(cli.folder / "out").read()
    for field in ("name", "params", "job", "overrides", "run_id", "status", "error", "diverged",
                  "letter", "source_digest", "kernel", "data_digest"):  # fmt: skip
        assert getattr(ours, field) == getattr(theirs, field), field
    assert theirs.data_digest
    assert "NumPy" in theirs.kernel
    page = (ROOT / "docs" / "runs.md").read_text().partition("## In a run\n")[2]
    listed = page.partition("\n## ")[0]
    for tag in theirs.tags:
        assert tag.startswith("mlflow.") or f"`{tag}`" in listed, f"{tag}: docs/runs.md lacks it"
    assert all(f"`{name}_1`" in listed for name in NAMES)
    if scored is None:
        assert theirs.error == "RuntimeError: out of luck"
        assert math.isinf(ours.score)
        assert math.isnan(ours.errors)
        return
    assert ours.metrics.items() <= theirs.metrics.items()
    layers = (1, 2) if "diagnostics=true" in options else ()
    found = {f"{name}_{layer}" for name in NAMES for layer in layers}
    assert ours.curves.keys() == theirs.curves.keys() == {*CURVES, *found}
    for name in ours.curves:
        assert ours.curves[name] == pytest.approx(theirs.curves[name], rel=1e-12)
        assert len(ours.curves[name]) == 6
    assert ours.score == ours.final(scored) == pytest.approx(theirs.score)


def test_what_a_run_was_asked_for_stands_in_for_what_it_is(tmp_path):
    asked = Record("beta", {"dist": "beta"}, overrides=["dist=beta", "+dist.a=-1"])
    Journal.start(tmp_path, asked).end("FAILED", error="no such distribution")
    record = Journal.load(tmp_path).read()
    assert record.params == {"dist": "beta", "dist.a": "-1"}
    assert record.error == "no such distribution"


def test_a_run_that_has_not_ended_is_no_result(tmp_path):
    Journal.start(tmp_path, Record("gumbel", metrics={"test_errors": 3}))
    record = Journal.load(tmp_path).read()
    assert record.error == "RUNNING"
    assert math.isnan(record.errors)


TRAINED = {"cost": [0.5, 0.25], "train_error_rate": [0.2, 0.1]}
VALIDATED = {"validation_cost": 0.3, "validation_error_rate": 0.05}


@pytest.mark.parametrize(
    ("params", "metrics", "curves", "error", "score"),
    [
        ({}, {}, TRAINED, None, 0.25),
        ({"score": "error_rate"}, {}, TRAINED, None, 0.1),
        ({"validation_images": "9"}, VALIDATED, TRAINED, None, 0.3),
        ({"score": "error_rate", "validation_images": "9"}, VALIDATED, TRAINED, None, 0.05),
        ({}, {}, {"cost": [0.5, math.nan]}, None, math.inf),
        ({}, {}, TRAINED, "out of luck", math.inf),
    ],
)
def test_a_run_is_scored_by_what_was_asked_for(params, metrics, curves, error, score):
    assert recorded(params, metrics, curves, error=error).score == score


def test_passes_of_which_only_the_total_is_known_are_shared_out_evenly():
    record = recorded({}, {"forward_passes": 12.0}, {"cost": [0.3, 0.2, 0.1, 0.1]})
    assert record.spent("forward_passes") == [3, 6, 9, 12]
