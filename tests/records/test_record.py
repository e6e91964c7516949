"""One record: what a folder holds of a run is what the store holds of it."""

import math

import pytest
from made_up import recorded
from support import SMALL

from noise_exp.records.journal import Journal
from noise_exp.records.record import CURVES, Record
from noise_exp.tracking import reading
from noise_exp.tracking.store import Store


def in_store(cli):
    store = Store.existing(cli.uri, "noise_training")
    (record,) = reading.read(store, cli.runs("run"))
    return record


@pytest.mark.parametrize(
    "options", [("dist=gumbel",), ("dist=backprop", "data.validation_size=30", "data=mnist01")]
)
def test_folder_and_store_tell_the_same_of_a_run(cli, options):
    assert cli(*SMALL, *options, "hydra.run.dir=out").returncode == 0
    ours, theirs = Journal.load(cli.folder / "out").read(), in_store(cli)
    assert ours.metrics.items() <= theirs.metrics.items()
    for name in CURVES:
        assert ours.curves[name] == pytest.approx(theirs.curves[name], rel=1e-12)
        assert len(ours.curves[name]) == 6
    for told in ("name", "params", "job", "overrides", "run_id", "status", "error", "diverged",
                 "letter", "source_digest", "kernel", "data_digest"):  # fmt: skip
        assert getattr(ours, told) == getattr(theirs, told), told
    assert ours.score == pytest.approx(theirs.score)
    assert theirs.data_digest
    assert "NumPy" in theirs.kernel
    assert ours.score == ours.final("validation_cost" if ours.part == "validation" else "cost")


def test_of_a_run_that_failed_too(cli):
    body = "def step(self, parameters, direction, moment): raise RuntimeError('out of luck')"
    cli.own_part("optimizer", "broken", body)
    assert cli("--config-dir=my", "optimizer=broken", *SMALL, "hydra.run.dir=out").returncode == 1
    ours, theirs = Journal.load(cli.folder / "out").read(), in_store(cli)
    assert ours.error == theirs.error == "RuntimeError: out of luck"
    assert ours.params == theirs.params
    assert math.isinf(ours.score)
    assert math.isnan(ours.errors)


def test_what_a_run_was_asked_for_stands_in_for_what_it_is(tmp_path):
    facts = Record("beta", {"kind": "run", "dist": "beta"}, overrides=["dist=beta", "+dist.a=-1"])
    journal = Journal.start(tmp_path, facts)
    journal.end("FAILED", error="no such law")
    record = Journal.load(tmp_path).read()
    assert record.params == {"dist": "beta", "dist.a": "-1"}
    assert record.error == "no such law"


def test_a_run_that_has_not_ended_is_no_result(tmp_path):
    Journal.start(tmp_path, Record("gumbel", {"kind": "run"}, metrics={"test_errors": 3}))
    record = Journal.load(tmp_path).read()
    assert record.error == "RUNNING"
    assert math.isnan(record.errors)


def test_a_score_that_is_no_number_is_infinite():
    assert math.isinf(recorded({}, curves={"cost": [0.5, math.nan]}).score)
    assert math.isinf(recorded({}, curves={"cost": [0.5]}, error="out of luck").score)
    assert recorded({}, curves={"cost": [0.5, 0.25]}).score == 0.25
    validated = recorded({"validation_images": "9"}, {"validation_cost": 0.1}, {"cost": [0.25]})
    assert validated.score == 0.1


def test_a_run_is_scored_by_what_it_was_told():
    params = {"score": "error_rate"}
    trained = recorded(params, curves={"cost": [0.5, 0.25], "train_error_rate": [0.2, 0.1]})
    assert trained.score == 0.1
    metrics = {"validation_cost": 0.3, "validation_error_rate": 0.05}
    assert recorded({**params, "validation_images": "9"}, metrics).score == 0.05
    assert recorded({"score": "cost", "validation_images": "9"}, metrics).score == 0.3
    assert math.isinf(recorded(params, error="out of luck").score)


def test_passes_of_which_only_the_total_is_known_are_shared_out_evenly():
    record = recorded({}, {"forward_passes": 12.0}, {"cost": [0.3, 0.2, 0.1, 0.1]})
    assert record.spent("forward_passes") == [3, 6, 9, 12]
