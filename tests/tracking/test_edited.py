"""A store that people edit: no edit stops a command, and a run that is left out is named."""

import json
import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest
from mlflow.entities import Metric
from support import SMALL, Cli, artifacts

from noise_exp.errors import UserError
from noise_exp.job.fingerprint import source_digest
from noise_exp.report.build import build
from noise_exp.tracking import liveness, reading
from noise_exp.tracking.model import fetch
from noise_exp.tracking.store import Store

SWEEP = ("-m", "dist=gumbel,beta", *SMALL)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder in which a sweep of two runs has ended."""
    cli = Cli(tmp_path_factory.mktemp("swept"))
    done = cli(*SWEEP, "hydra.sweep.dir=first")
    assert done.returncode == 0, done.stderr
    yield cli
    cli.close()


@pytest.fixture
def edited(swept, tmp_path):
    """A copy: the command line in it, its store, and the ids of gumbel's run and of the sweep."""
    shutil.copytree(swept.folder / "mlruns", tmp_path / "mlruns")
    cli = Cli(tmp_path, store=False)
    store = Store.open(cli.uri, "noise_training")
    (sweep,) = cli.runs("sweep")
    (run,) = [r for r in cli.runs("run") if r.data.params["dist"] == "gumbel"]
    yield cli, store, run.info.run_id, sweep.info.run_id
    cli.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("job", value) for value in ("x", "", "-1", "1.5", "9" * 5000)),
        *(("diverged", value) for value in ("perhaps", "")),
    ],
)
def test_a_run_whose_tag_makes_no_sense_is_repeated_and_named(edited, caplog, key, value):
    _, store, run_id, sweep = edited
    store.client.set_tag(run_id, key, value)
    caplog.clear()
    found = reading.finished(store, source_digest())
    assert [record.dist for _, record in found.values()] == ["beta"]
    (line,) = caplog.messages
    assert run_id in line
    assert key in line
    (left,) = reading.read(store, reading.ask(store, [sweep]).runs)
    build([left])


@pytest.mark.parametrize("value", [None, "", "'\"\n{"])
def test_tags_that_decide_nothing_may_be_anything(edited, caplog, value):
    _, store, run_id, sweep = edited
    tags = store.client.get_run(run_id).data.tags
    for key in ("fingerprint", "overrides", "kernel", "article_letter", "dist", "sweep", "uid",
                "heartbeat", "host", "folder", "code_version", "error"):  # fmt: skip
        if value is not None:
            store.client.set_tag(run_id, key, value)
        elif key in tags:
            store.client.delete_tag(run_id, key)
    caplog.clear()
    assert liveness.mark_dead_runs(store) == {}
    assert len(reading.finished(store, source_digest())) == 2
    build(reading.read(store, reading.ask(store, [sweep]).runs))
    assert not caplog.messages


def _alike(store, **tags):
    """A finished run of somebody else's in the same experiment."""
    run = store.client.create_run(store.experiment_id, tags=tags)
    store.client.log_batch(run.info.run_id, metrics=[Metric("cost", 1.0, 0, 7)])
    store.client.set_terminated(run.info.run_id)
    return run.info.run_id


def test_a_run_of_somebody_elses_stands_for_no_job(edited, caplog):
    _, store, run_id, _ = edited
    tags = {k: v for k, v in store.client.get_run(run_id).data.tags.items() if k[:7] != "mlflow."}
    _alike(store)
    _alike(store, kind="run")
    _alike(store, **tags | {"kind": "evaluation"})
    by_hand = _alike(store, **tags)  # FINISHED, and without a result
    odd = store.client.create_run(store.experiment_id, tags={"kind": "run"}).info.run_id
    store.client.log_param(odd, "test_images", "many")
    store.client.set_terminated(odd)
    caplog.clear()
    found = reading.finished(store, source_digest())
    assert {record.run_id for _, record in found.values()} >= {run_id}
    assert len(found) == 2
    assert [by_hand in line for line in caplog.messages] == [True]
    records = reading.read(store, reading.ask(store, ["noise_training"]).runs)
    assert [odd in line and "test_images" in line for line in caplog.messages[1:]] == [True]
    build(records)


def test_runs_that_are_deleted_are_left_out_and_named(edited, caplog):
    _, store, run_id, sweep = edited
    store.client.delete_run(run_id)
    (left,) = reading.ask(store, [sweep]).runs
    assert left.data.params["dist"] == "beta"
    assert [run_id in line for line in caplog.messages if "no longer" in line] == [True]
    assert len(reading.finished(store, source_digest())) == 1
    store.client.delete_run(sweep)
    assert len(reading.ask(store, [sweep]).runs) == 1


@pytest.mark.parametrize("said", ["", "{}", "[]", "null", '{"run_id": 1}', "no json",
                                  '{"run_id": "a", "overrides": "\'"}'])  # fmt: skip
def test_a_sweep_whose_word_of_reused_runs_makes_no_sense(edited, caplog, said):
    _, store, _, sweep = edited
    keys = ("reused.0", "reused.x", "reused.")
    for key in keys:
        store.client.set_tag(sweep, key, said)
    caplog.clear()
    assert reading.reused_runs(store, sweep) == []
    for key, line in zip(sorted(keys), sorted(caplog.messages), strict=True):
        assert f"{key}, a tag of run {sweep}" in line
    store.client.set_tag(sweep, "reused.1", json.dumps({"run_id": "x' OR '", "overrides": ""}))
    assert len(reading.ask(store, [sweep]).runs) == 2


def test_a_run_of_a_sweep_without_a_number_is_named(edited, caplog):
    _, store, run_id, sweep = edited
    store.client.delete_tag(run_id, "job")
    children = reading.children(store, sweep)
    assert len(reading.sensible(children)) == 2  # as those of early versions
    assert [r.dist for _, r in reading.sensible(children, numbered=True)] == ["beta"]
    assert run_id in caplog.messages[-1]


def test_a_report_that_cannot_read_which_runs_were_reused_is_refused(edited):
    _, store, run_id, sweep = edited
    runs = {run.info.run_id for run in reading.ask(store, [sweep]).runs}
    store.client.delete_tag(run_id, "mlflow.parentRunId")  # as if an earlier sweep's
    store.client.log_metric(sweep, "reused", 1)
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs
    table = artifacts(store.client.get_run(sweep)) / "runs.csv"
    table.unlink()
    with pytest.raises(UserError, match=f"sweep {sweep} reused 1 runs.*cannot be read") as refused:
        reading.ask(store, [sweep])
    advice = f"tags.mlflow.parentRunId = '{sweep}'"
    assert advice in str(refused.value)
    assert {run.info.run_id for run in reading.ask(store, [advice]).runs} == runs - {run_id}
    store.client.log_metric(sweep, "reused", 0)  # as one that was cut short, which has no table
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs - {run_id}


def test_a_model_that_is_damaged_or_gone_is_reported_as_such(edited):
    _, store, run_id, _ = edited
    assert fetch(store, run_id).classes.tolist() == [0, 1]
    model_id = store.client.get_run(run_id).outputs.model_outputs[0].model_id
    place = urlparse(store.client.get_logged_model(model_id).artifact_location).path
    weights = Path(place) / "weights.npz"
    for damage in (
        lambda: weights.write_bytes(weights.read_bytes()[:100]),
        weights.unlink,
        lambda: store.client.delete_logged_model(model_id),
    ):
        damage()
        with pytest.raises(UserError, match=f"model of run {run_id} cannot be read"):
            fetch(store, run_id)


def test_commands_go_on_in_a_store_that_was_edited(edited):
    cli, store, run_id, sweep = edited
    other = next(r.info.run_id for r in cli.runs("run") if r.info.run_id != run_id)
    store.client.delete_tag(run_id, "fingerprint")
    store.client.set_tag(other, "job", "x")
    store.client.set_tag(sweep, "reused.x", "{}")
    done = cli.ok(*SWEEP, "resume=true")
    assert other in done.stdout
    assert "finished already as" not in done.stdout
    store.client.delete_tag(sweep, "mlflow.source.name")
    store.client.rename_experiment(store.experiment_id, "mine")
    done = cli.ok(sweep, "--output=out", module="noise_exp.report")
    assert other in done.stderr
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(UserError, match="is deleted, restore it or set tracking"):
        Store.open(cli.uri, "mine")
