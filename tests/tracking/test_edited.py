"""A store that people edit: no edit stops a command, and a run that is left out is named."""

import json
import shutil

import numpy as np
import pytest
from mlflow.entities import Metric
from support import SMALL, Cli, artifacts

from noise_exp.errors import UserError
from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import Record
from noise_exp.report.build import build
from noise_exp.run.fingerprint import source_digest
from noise_exp.tracking import living, reading
from noise_exp.tracking.model import fetch
from noise_exp.tracking.parsing import sensible
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
        *(("fingerprint", value) for value in (None, "", "do it again", "F" * 16)),
        *(("job", value) for value in ("x", "", "-1", "1.5", "9" * 5000)),
        *(("diverged", value) for value in ("perhaps", "")),
    ],
)
def test_a_run_whose_tag_makes_no_sense_is_repeated_and_named(edited, caplog, key, value):
    _, store, run_id, sweep = edited
    if value is None:
        store.client.delete_tag(run_id, key)
    else:
        store.client.set_tag(run_id, key, value)
    caplog.clear()
    found = reading.finished(store, source_digest())
    assert [record.dist for _, record in found.values()] == ["beta"]
    (line,) = caplog.messages
    assert run_id in line
    assert key in line
    records = reading.read(store, reading.ask(store, [sweep]).runs)
    assert len(records) == (2 if key == "fingerprint" else 1)  # the report needs no fingerprint
    build(records)


@pytest.mark.parametrize(
    "key",
    ["overrides", "kernel", "article_letter", "dist", "sweep", "uid", "heartbeat", "host", "folder",
     "code_version", "error"],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, "", "'\"\n{"])
def test_a_tag_that_decides_nothing_may_be_anything(edited, caplog, key, value):
    _, store, run_id, sweep = edited
    if value is not None:
        store.client.set_tag(run_id, key, value)
    elif key in store.client.get_run(run_id).data.tags:
        store.client.delete_tag(run_id, key)
    caplog.clear()
    assert living.bury_the_dead(store) == {}
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
@pytest.mark.parametrize("key", ["reused.0", "reused.x", "reused."])
def test_a_sweep_whose_word_of_reused_runs_makes_no_sense(edited, caplog, key, said):
    _, store, _, sweep = edited
    store.client.set_tag(sweep, key, said)
    assert reading.told_reused(store, sweep) == []
    assert [key in line and sweep in line for line in caplog.messages[-1:]] == [True]
    store.client.set_tag(sweep, "reused.1", json.dumps({"run_id": "x' OR '", "overrides": ""}))
    assert len(reading.ask(store, [sweep]).runs) == 2


def test_a_run_of_a_sweep_without_a_number_is_named(edited, caplog):
    _, store, run_id, sweep = edited
    store.client.delete_tag(run_id, "job")
    children = reading.children(store, sweep)
    assert len(sensible(children)) == 2  # as those of early versions
    assert [r.dist for _, r in sensible(children, numbered=True)] == ["beta"]
    assert run_id in caplog.messages[-1]


@pytest.mark.parametrize("beat", ["abc", "", "-1", "9" * 30, None])
@pytest.mark.parametrize("missing", [(), ("host",), ("uid",), ("folder",), ("host", "uid")])
def test_a_dead_run_is_ended_whatever_became_of_its_tags(
    edited, tmp_path, monkeypatch, beat, missing
):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 0.1)
    monkeypatch.setattr(living, "_PAUSE_SECONDS", 0.05)
    _, store, _, _ = edited
    facts = Record("left", {"kind": "run", "fingerprint": "f"})
    journal = Journal.start(tmp_path / "left", facts, Owed(store.uri, store.experiment_id))
    tags = {**journal.record.tags, "uid": facts.uid, "heartbeat": beat}
    tags = {k: v for k, v in tags.items() if v is not None and k not in missing}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    journal.update(run_id=run_id)
    journal.release()
    assert living.bury_the_dead(store) == {}
    status = store.client.get_run(run_id).info.status
    known = {"heartbeat", "uid"} & tags.keys()
    assert status == ("KILLED" if known else "RUNNING")  # else it may be anybody's
    assert living.wait_for(store, run_id) is None


def left(store, folder):
    """A run that a process is at, in its folder and in the store."""
    run = Record("left", {"kind": "run", "fingerprint": "f"})
    journal = Journal.start(folder, run, Owed(store.uri, store.experiment_id))
    tags = {**journal.record.tags, "uid": run.uid, "heartbeat": "1"}
    journal.update(run_id=store.client.create_run(store.experiment_id, tags=tags).info.run_id)
    return journal


def test_a_run_of_a_store_under_two_paths_is_known_by_its_lock(edited, tmp_path, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 0.1)
    _, store, *_ = edited
    journal = left(store, tmp_path / "held")
    (tmp_path / "link").symlink_to(tmp_path / "mlruns")
    linked = Store.open(f"sqlite:///{tmp_path}/link/mlflow.db", "noise_training")
    assert living.bury_the_dead(linked) == {"f": journal.record.run_id}
    journal.release()
    assert living.bury_the_dead(linked) == {}
    assert Journal.load(tmp_path / "held").owed.delivered


def test_a_copy_ends_no_run_of_its_original(edited, tmp_path, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 1.0)
    _, store, *_ = edited
    left(store, tmp_path / "left").release()  # its process died
    shutil.copytree(tmp_path / "mlruns", tmp_path / "copy")
    copied = Store.existing(
        f"sqlite:///{tmp_path}/copy/mlflow.db", "noise_training", untouched=True
    )
    living.bury_the_dead(copied)
    assert Journal.load(tmp_path / "left").record.status == "RUNNING"
    living.bury_the_dead(store)
    assert Journal.load(tmp_path / "left").owed.delivered


def test_a_report_that_cannot_read_which_runs_were_reused_is_refused(edited, caplog):
    _, store, run_id, sweep = edited
    runs = {run.info.run_id for run in reading.ask(store, [sweep]).runs}
    store.client.delete_tag(run_id, "mlflow.parentRunId")  # as if an earlier sweep's
    store.client.log_metric(sweep, "reused", 1)
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs
    table = artifacts(store.client.get_run(sweep)) / "runs.csv"
    kept = table.rename(table.with_name("kept.csv"))
    with pytest.raises(UserError, match=f"sweep {sweep} reused 1 runs.*cannot be read") as refused:
        reading.ask(store, [sweep])
    advice = f"tags.mlflow.parentRunId = '{sweep}'"
    assert advice in str(refused.value)
    assert {run.info.run_id for run in reading.ask(store, [advice]).runs} == runs - {run_id}
    store.client.log_metric(sweep, "reused", 0)  # as one that was cut short, which has no table
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs - {run_id}
    kept.rename(table)
    store.client.delete_run(run_id)
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs - {run_id}
    assert f"no longer in the store: runs {run_id} of sweep {sweep}" in caplog.text


def test_a_run_that_is_deleted_is_not_waited_for(edited):
    _, store, run_id, _ = edited
    store.client.delete_run(run_id)
    assert living.wait_for(store, run_id) is None
    running = store.client.create_run(store.experiment_id, tags={"heartbeat": "1"}).info.run_id
    store.client.delete_run(running)
    assert living.wait_for(store, running) is None
    assert living.wait_for(store, "0" * 32) is None  # as after `mlflow gc`


def test_a_model_that_was_deleted_is_told_as_such(edited):
    cli, store, run_id, _ = edited
    assert fetch(store, run_id).classes.tolist() == [0, 1]
    place = artifacts(store.client.get_run(run_id)).parent.parent / "models"
    (weights,) = [path for path in place.rglob("weights.npz") if _holds(path, fetch(store, run_id))]
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(UserError, match=f"model of run {run_id} cannot be read from file://"):
        fetch(store, run_id)
    shutil.rmtree(weights.parent)
    with pytest.raises(UserError, match=f"model of run {run_id} cannot be read from file://"):
        fetch(store, run_id)
    store.client.delete_logged_model(store.client.get_run(run_id).outputs.model_outputs[0].model_id)
    np.save(cli.folder / "x.npy", np.zeros((1, 784), np.uint8))
    done = cli(run_id, "x.npy", module="noise_exp.predict")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"noise_exp.predict: the model of run {run_id} was deleted")


def _holds(path, trained):
    with np.load(path) as kept:
        return np.array_equal(kept["W1"], trained.network.views(trained.parameters)[0][0])


def test_commands_go_on_in_a_store_that_was_edited(edited):
    cli, store, run_id, sweep = edited
    other = next(r.info.run_id for r in cli.runs("run") if r.info.run_id != run_id)
    store.client.delete_tag(run_id, "fingerprint")
    store.client.set_tag(other, "job", "x")
    store.client.set_tag(sweep, "reused.x", "{}")
    for options in (("dry_run=true",), ()):
        done = cli(*SWEEP, "resume=true", *options)
        assert done.returncode == 0, done.stderr
        assert {run_id, other} <= set(done.stdout.split())
        assert "finished already as" not in done.stdout
    assert len([r for r in cli.runs("run") if r.info.status == "FINISHED"]) == 4
    store.client.delete_tag(sweep, "mlflow.source.name")
    store.client.rename_experiment(store.experiment_id, "mine")
    done = cli(sweep, "--output=out", module="noise_exp.report")
    assert done.returncode == 0, done.stderr
    assert other in done.stderr
    store.client.delete_experiment(store.experiment_id)
    done = cli("mine", "--no-log", module="noise_exp.report")
    assert (done.returncode, len(done.stderr.splitlines())) in ((0, 0), (1, 1))
    done = cli(*SMALL, "resume=true", "tracking.experiment=mine")
    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "is deleted, restore it or set tracking.experiment" in line
