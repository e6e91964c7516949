"""A store that is moved or copied with its folder keeps its artifacts, and leaves others theirs."""

import logging
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from support import artifacts

from noise_exp.errors import UserError
from noise_exp.records.facts import Facts
from noise_exp.records.journal import Journal
from noise_exp.tracking import living, reading
from noise_exp.tracking.store import Store

NAME = "noise_training"


def uri(folder, name="mlflow.db"):
    return f"sqlite:///{folder / 'mlruns' / name}"


def add_run(store, text="mine", name="note.txt", **tags):
    """A finished run with an artifact; its id."""
    tags = {"kind": "run", "job": "0", **{key.replace("__", "."): v for key, v in tags.items()}}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    store.client.log_text(run_id, text, name)
    store.client.set_terminated(run_id)
    return run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a sweep of one run of its own, which reused two of an earlier one."""
    folder = tmp_path_factory.mktemp("made") / "with space é"
    store = Store.open(uri(folder), NAME)
    earlier = [add_run(store) for _ in range(2)]
    sweep = store.client.create_run(store.experiment_id, tags={"kind": "sweep"}).info.run_id
    own = add_run(store, mlflow__parentRunId=sweep)
    store.client.log_text(sweep, "\n".join(["run_id", own, *earlier]), "runs.csv")
    store.client.log_batch(sweep, metrics=[Metric("reused", 2.0, 0, 0), Metric("runs", 3.0, 0, 0)])
    store.client.set_terminated(sweep)
    return folder, sweep, {own, *earlier}


@pytest.fixture
def original(made, tmp_path):
    """The same, as it would be had it been made in a folder of this test alone."""
    folder, sweep, runs = made
    shutil.copytree(folder, tmp_path / "original")
    Store.open(uri(tmp_path / "original"), NAME)
    return tmp_path / "original", sweep, runs


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def where(store, run_id):
    return Path(unquote(str(artifacts(store.client.get_run(run_id)))))


@pytest.mark.parametrize("opens", [Store.open, Store.existing])
@pytest.mark.parametrize("transfer", [shutil.copytree, shutil.move])
def test_its_artifacts_are_beside_it_again(original, tmp_path, caplog, opens, transfer):
    old, sweep, runs = original
    before = content(old)
    new = tmp_path / "new #1"
    transfer(old, new)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        store = opens(uri(new), NAME)
    assert len(caplog.messages) == 1
    assert str(new) in caplog.text
    assert str(old) in caplog.text
    for run_id in runs:
        (file,) = (new / "mlruns" / "artifacts" / run_id / "artifacts").iterdir()
        assert file.read_text() == "mine"
        assert [f.path for f in store.client.list_artifacts(run_id)] == ["note.txt"]
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs
    assert where(store, add_run(store)).is_relative_to(new)
    store.client.log_text(sweep, "another", "report.html")
    assert where(store, store.client.create_run("0").info.run_id).is_relative_to(new)
    if transfer is shutil.copytree:
        assert content(old) == before
    else:
        assert not old.exists()
    caplog.clear()
    opens(uri(new), NAME)
    assert not caplog.messages


def test_a_store_without_any_artifact_yet_too(tmp_path):
    Store.open(uri(tmp_path / "old"), NAME)
    shutil.move(tmp_path / "old", tmp_path / "new")
    store = Store.open(uri(tmp_path / "new"), NAME)
    assert where(store, add_run(store)).is_relative_to(tmp_path / "new")
    assert not (tmp_path / "old").exists()


def test_a_copy_without_its_artifacts_is_refused_in_one_line(original, tmp_path):
    old, *_ = original
    (tmp_path / "new" / "mlruns").mkdir(parents=True)
    shutil.copy(old / "mlruns" / "mlflow.db", tmp_path / "new" / "mlruns" / "backup.db")
    for opens in (Store.open, Store.existing):
        with pytest.raises(UserError, match="is a copy without its artifacts") as refused:
            opens(uri(tmp_path / "new", "backup.db"), NAME)
        assert str(old / "mlruns" / "artifacts") in str(refused.value)
        assert "\n" not in str(refused.value)


def test_what_was_not_moved_stays_as_it_is(original, tmp_path, caplog):
    old, sweep, runs = original
    caplog.clear()
    (tmp_path / "link").symlink_to(old)
    moved_alone = tmp_path / "fast" / "mlruns"
    moved_alone.mkdir(parents=True)
    for folder in (old, tmp_path / "link"):
        store = Store.open(uri(folder), NAME)
        assert where(store, sweep) == old / "mlruns" / "artifacts" / sweep / "artifacts"
    shutil.copy(old / "mlruns" / "mlflow.db", old / "mlruns" / "beside.db")
    assert where(Store.open(uri(old, "beside.db"), NAME), sweep).is_relative_to(old)
    (old / "mlruns" / "beside.db").unlink()
    # The store alone was moved, as onto a faster disk: its artifacts are found where they are.
    shutil.move(old / "mlruns" / "mlflow.db", moved_alone)
    store = Store.open(uri(tmp_path / "fast"), NAME)
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs
    assert not caplog.messages


@pytest.mark.parametrize("place", ["files", "artifacts", "s3"])
def test_a_place_of_the_users_own_is_left_alone(tmp_path, place):
    own = "s3://bucket/artifacts" if place == "s3" else (tmp_path / "data" / place).as_uri()
    store = Store.open(uri(tmp_path / "old"), "other")
    store.client.create_experiment(NAME, own)
    if place != "s3":
        add_run(Store.open(uri(tmp_path / "old"), NAME))
    (tmp_path / "data" / "another.db").parent.mkdir(exist_ok=True)
    (tmp_path / "data" / "another.db").write_bytes(b"SQLite format 3\0")
    shutil.move(tmp_path / "old", tmp_path / "new")
    Store.open(uri(tmp_path / "new"), "other")
    places = {
        e.name: e.artifact_location
        for e in MlflowClient(uri(tmp_path / "new")).search_experiments()
    }
    assert places[NAME] == own
    assert places["other"] == (tmp_path / "new" / "mlruns" / "artifacts").as_uri()


def test_a_report_that_cannot_read_which_runs_were_reused_is_refused(original):
    old, sweep, runs = original
    store = Store.existing(uri(old), NAME)
    table = where(store, sweep) / "runs.csv"
    kept = table.read_text()
    table.unlink()
    with pytest.raises(UserError, match=f"sweep {sweep} reused 2 runs.*cannot be read") as refused:
        reading.ask(store, [sweep])
    advice = f"tags.mlflow.parentRunId = '{sweep}'"
    assert advice in str(refused.value)
    assert len(reading.ask(store, [advice]).runs) == 1
    table.write_text(kept)
    gone = next(run for run in runs if run in kept.splitlines()[2])
    store.client.delete_run(gone)
    with pytest.raises(UserError, match=f"no longer in the store: {gone}; restore them"):
        reading.ask(store, [sweep])


def test_a_sweep_that_was_cut_short_needs_no_table(original):
    old, *_ = original
    store = Store.existing(uri(old), NAME)
    sweep = store.client.create_run(store.experiment_id, tags={"kind": "sweep"}).info.run_id
    own = add_run(store, mlflow__parentRunId=sweep)
    store.client.set_terminated(sweep, "KILLED")
    assert [run.info.run_id for run in reading.ask(store, [sweep]).runs] == [own]


def test_a_copy_ends_no_run_of_its_original(original, tmp_path, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 1.0)
    old, *_ = original
    store = Store.open(uri(old), NAME)
    facts = Facts("left", {"kind": "run"}, uri=store.uri, experiment_id=store.experiment_id)
    journal = Journal.start(tmp_path / "left", facts)
    tags = {**journal.facts.tags, "uid": facts.uid, "heartbeat": "1"}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    journal.update(run_id=run_id)
    journal.release()  # its process died
    shutil.copytree(old, tmp_path / "copy")
    living.bury_the_dead(Store.open(uri(tmp_path / "copy"), NAME))
    assert Journal.load(tmp_path / "left").facts.status == "RUNNING"
    living.bury_the_dead(store)
    assert Journal.load(tmp_path / "left").facts.delivered
    assert store.client.get_run(run_id).info.status == "KILLED"
