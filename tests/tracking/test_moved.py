"""A store that is moved or copied with its folder keeps its artifacts, and leaves others theirs."""

import logging
import nturl2path
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from support import PATIENCE, artifacts

from noise_exp.errors import UserError
from noise_exp.records.facts import Facts
from noise_exp.records.journal import Journal
from noise_exp.tracking import living, moved, reading
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


def places_in(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT artifact_uri FROM runs ORDER BY run_uuid").fetchall()


@pytest.mark.parametrize("shared", ["database", "artifacts"])
def test_a_store_under_two_paths_stays_as_it_is(original, tmp_path, caplog, shared):
    old, *_ = original
    new = tmp_path / "new" / "mlruns"
    new.mkdir(parents=True)
    transfer = os.link if shared == "database" else shutil.copy  # as if it alone were mounted
    transfer(old / "mlruns" / "mlflow.db", new / "mlflow.db")
    if shared == "artifacts":
        (new / "artifacts").symlink_to(old / "mlruns" / "artifacts")
    before = places_in(new / "mlflow.db")
    caplog.clear()
    for opens in (Store.existing, Store.open):
        opens(uri(new.parent), NAME)
    assert places_in(new / "mlflow.db") == before
    assert not caplog.messages


@pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux's namespaces")
def test_a_store_in_a_bind_mount_stays_as_it_is(original, tmp_path):
    old, *_ = original
    before = places_in(old / "mlruns" / "mlflow.db")
    (tmp_path / "mount").mkdir()
    program = (
        "import sys; from noise_exp.tracking.store import Store; "
        f"Store.open(sys.argv[1], {NAME!r}); Store.existing(sys.argv[1], {NAME!r})"
    )
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4" "$5"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "bash", "-c", script, "bash", old,
         tmp_path / "mount", sys.executable, program, uri(tmp_path / "mount")],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "moved" not in done.stderr
    assert places_in(old / "mlruns" / "mlflow.db") == before


@pytest.mark.parametrize(("beat", "ends"), [(0, "at work"), (-1000, "killed"), (0, "ended")])
def test_a_store_with_a_run_at_work_is_not_rewritten(original, tmp_path, beat, ends):
    old, sweep, _ = original
    store = Store.open(uri(old), NAME)
    tags = {"kind": "run", "heartbeat": str(int(time.time()) + beat)}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    if ends == "ended":
        store.client.set_terminated(run_id)
    # As a container sees it: there is nothing where the process outside has its folder.
    shutil.move(old, tmp_path / "new")
    before = places_in(tmp_path / "new" / "mlruns" / "mlflow.db")
    for opens in (Store.open, Store.existing):
        if ends == "at work":
            with pytest.raises(UserError, match=f"{run_id}, which is alive; use it by that path"):
                opens(uri(tmp_path / "new"), NAME)
            assert places_in(tmp_path / "new" / "mlruns" / "mlflow.db") == before
        else:
            assert where(opens(uri(tmp_path / "new"), NAME), sweep).is_relative_to(tmp_path / "new")


def test_a_run_of_a_store_under_two_paths_is_known_by_its_lock(original, tmp_path, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 0.1)
    old, *_ = original
    (tmp_path / "link").symlink_to(old)
    store = Store.open(uri(old), NAME)
    facts = Facts("held", {"kind": "run", "fingerprint": "f"}, uri=store.uri,
                  experiment_id=store.experiment_id)  # fmt: skip
    journal = Journal.start(tmp_path / "held", facts)
    tags = {**journal.facts.tags, "uid": facts.uid, "heartbeat": "1"}
    run_id = store.client.create_run(store.experiment_id, tags=tags).info.run_id
    journal.update(run_id=run_id)
    assert living.bury_the_dead(Store.open(uri(tmp_path / "link"), NAME)) == {"f": run_id}
    journal.release()
    assert living.bury_the_dead(Store.open(uri(tmp_path / "link"), NAME)) == {}
    assert Journal.load(tmp_path / "held").facts.delivered


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("file:///C:/a%20b/mlruns/artifacts", r"C:\a b\mlruns\artifacts"),
        ("file:///d:/%C3%A9/artifacts", r"d:\é\artifacts"),
        (r"C:\mlruns\artifacts", r"C:\mlruns\artifacts"),
        ("C:/mlruns/artifacts", r"C:\mlruns\artifacts"),
        ("file://server/share/artifacts", None),
        ("s3://bucket/artifacts", None),
        ("mlflow-artifacts:/1", None),
    ],
)
def test_places_on_windows(monkeypatch, place, path):
    monkeypatch.setattr(moved, "Path", PureWindowsPath)
    monkeypatch.setattr(moved, "url2pathname", nturl2path.url2pathname)
    assert moved._path(place) == (path and PureWindowsPath(path))


def test_a_store_on_windows_is_not_taken_for_a_moved_one(monkeypatch):
    new = PureWindowsPath("C:/Users/me/mlruns/artifacts")
    monkeypatch.setattr(moved, "Path", PureWindowsPath)
    monkeypatch.setattr(moved, "url2pathname", nturl2path.url2pathname)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE experiments (artifact_location)")
        places = [(new.as_uri(),), ("file:///c:/users/ME/mlruns/artifacts",)]
        connection.executemany("INSERT INTO experiments VALUES (?)", places)
        assert moved._places(connection, new) == []


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


def test_a_report_that_cannot_read_which_runs_were_reused_is_refused(original, caplog):
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
    gone = kept.splitlines()[2]
    store.client.delete_run(gone)
    assert {run.info.run_id for run in reading.ask(store, [sweep]).runs} == runs - {gone}
    assert f"no longer in the store: runs {gone} of sweep {sweep}" in caplog.text


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
