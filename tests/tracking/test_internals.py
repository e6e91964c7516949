"""What leans on MLflow's inside, for `make versions` with the oldest MLflow and the newest too."""

import logging
import nturl2path
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path, PureWindowsPath
from urllib.parse import unquote

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from server import Proxy
from support import artifacts, empty_store, wait_until

from noise_exp.errors import UserError
from noise_exp.tracking import internals
from noise_exp.tracking.store import Store

NAME = "noise_training"


def uri(folder, name="mlflow.db"):
    return f"sqlite:///{folder / 'mlruns' / name}"


def add_run(store):
    """A finished run with an artifact; its id."""
    run_id = store.client.create_run(store.experiment_id).info.run_id
    store.client.log_text(run_id, "mine", "note.txt")
    store.client.set_terminated(run_id)
    return run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store with a run, in a folder whose name has to be encoded."""
    folder = tmp_path_factory.mktemp("made") / "with space é"
    return folder, add_run(Store.open(uri(folder), NAME))


@pytest.fixture
def original(made, tmp_path):
    """The same, as it would be had it been made in a folder of this test alone."""
    shutil.copytree(made[0], tmp_path / "original")
    Store.open(uri(tmp_path / "original"), NAME)
    return tmp_path / "original", made[1]


def content(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def where(store, run_id):
    return Path(unquote(str(artifacts(store.client.get_run(run_id)))))


def places_in(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT artifact_uri FROM runs ORDER BY run_uuid").fetchall()


@pytest.mark.parametrize("opens", [Store.open, Store.existing])
@pytest.mark.parametrize("transfer", [shutil.copytree, shutil.move])
def test_artifacts_are_beside_a_store_that_was_moved(original, tmp_path, caplog, opens, transfer):
    old, run_id = original
    before, new = content(old), tmp_path / "new #1"
    transfer(old, new)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        store = opens(uri(new), NAME)
    (said,) = caplog.messages
    assert str(new) in said
    assert str(old) in said
    assert (where(store, run_id) / "note.txt").read_text() == "mine"
    for known in (run_id, add_run(store), store.client.create_run("0").info.run_id):
        assert where(store, known).is_relative_to(new)
    assert old.exists() == (transfer is shutil.copytree)
    assert content(old) in ({}, before)
    opens(uri(new), NAME)
    assert len(caplog.messages) == 1


def test_a_store_without_any_artifact_yet_too(tmp_path):
    Store.open(uri(tmp_path / "old"), NAME)
    shutil.move(tmp_path / "old", tmp_path / "new")
    store = Store.open(uri(tmp_path / "new"), NAME)
    assert where(store, add_run(store)).is_relative_to(tmp_path / "new")


def test_a_copy_without_its_artifacts_is_refused_in_one_line(original, tmp_path):
    old, _ = original
    (tmp_path / "new" / "mlruns").mkdir(parents=True)
    shutil.copy(old / "mlruns" / "mlflow.db", tmp_path / "new" / "mlruns" / "backup.db")
    for opens in (Store.open, Store.existing):
        with pytest.raises(UserError, match="is a copy without its artifacts") as refused:
            opens(uri(tmp_path / "new", "backup.db"), NAME)
        assert str(old / "mlruns" / "artifacts") in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "how", ["same", "link", "copy beside", "moved alone", "one database", "one folder of artifacts"]
)
def test_what_was_not_moved_stays_as_it_is(original, tmp_path, caplog, how):
    old, _ = original
    database, new = old / "mlruns" / "mlflow.db", tmp_path / "new" / "mlruns"
    seen, before = new / "mlflow.db", places_in(database)
    if how != "link":
        new.mkdir(parents=True)
    match how:
        case "same":
            seen = database
        case "link":
            (tmp_path / "new").symlink_to(old)
        case "copy beside":
            seen = shutil.copy(database, old / "mlruns" / "beside.db")
        case "moved alone":  # as onto a faster disk: its artifacts are found where they are
            shutil.move(database, new)
        case "one database":  # as in a mount of it alone
            os.link(database, seen)
        case "one folder of artifacts":
            shutil.copy(database, new)
            (new / "artifacts").symlink_to(old / "mlruns" / "artifacts")
    caplog.clear()
    for opens in (Store.existing, Store.open):
        opens(f"sqlite:///{seen}", NAME)
    assert places_in(seen) == before
    assert not caplog.messages


@pytest.mark.parametrize(("beat", "ends"), [(0, "at work"), (-1000, "killed"), (0, "ended")])
def test_a_store_with_a_run_at_work_is_not_rewritten(original, tmp_path, beat, ends):
    old, run_id = original
    client = Store.open(uri(old), NAME).client
    beating = client.create_run("1", tags={"heartbeat": str(int(time.time()) + beat)})
    if ends == "ended":
        client.set_terminated(beating.info.run_id)
    # As a container sees it: there is nothing where the process outside has its folder.
    new = shutil.move(old, tmp_path / "new")
    before = places_in(new / "mlruns" / "mlflow.db")
    for opens in (Store.open, Store.existing):
        if ends == "at work":
            with pytest.raises(UserError, match=f"{beating.info.run_id}, which is alive; use it"):
                opens(uri(new), NAME)
            assert places_in(new / "mlruns" / "mlflow.db") == before
        else:
            assert where(opens(uri(new), NAME), run_id).is_relative_to(new)


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
    monkeypatch.setattr(internals, "Path", PureWindowsPath)
    monkeypatch.setattr(internals, "url2pathname", nturl2path.url2pathname)
    assert internals._path(place) == (path and PureWindowsPath(path))


@pytest.mark.parametrize("place", ["files", "artifacts", "s3"])
def test_a_place_of_the_users_own_is_left_alone(tmp_path, place):
    own = "s3://bucket/artifacts" if place == "s3" else (tmp_path / "data" / place).as_uri()
    (tmp_path / "old" / "mlruns").mkdir(parents=True)
    (tmp_path / "old" / "mlruns" / "mlflow.db").write_bytes(empty_store())
    store = Store.open(uri(tmp_path / "old"), "other")
    store.client.create_experiment(NAME, own)
    if place != "s3":
        add_run(Store.open(uri(tmp_path / "old"), NAME))
    (tmp_path / "data" / "another.db").parent.mkdir(exist_ok=True)
    (tmp_path / "data" / "another.db").write_bytes(b"SQLite format 3\0")
    shutil.move(tmp_path / "old", tmp_path / "new")
    client = Store.open(uri(tmp_path / "new"), "other").client
    places = {e.name: e.artifact_location for e in client.search_experiments()}
    assert places[NAME] == own
    assert places["other"] == (tmp_path / "new" / "mlruns" / "artifacts").as_uri()


def test_a_process_that_is_killed_while_it_makes_a_store_leaves_none(tmp_path):
    database = tmp_path / "mlruns" / "mlflow.db"
    program = "import sys; from noise_exp.tracking.store import Store; Store.open(sys.argv[1], 'x')"
    making = subprocess.Popen([sys.executable, "-c", program, uri(tmp_path)])
    wait_until(lambda: any(p.stat().st_size for p in tmp_path.rglob("*-part")), making)
    making.send_signal(signal.SIGKILL)
    making.wait()
    assert not database.exists()
    assert Store.open(uri(tmp_path), NAME).search() == []
    assert {path.name for path in database.parent.glob("*part*")} == set()


def test_a_database_that_is_away_is_tried_once(monkeypatch, tmp_path):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(Exception, match="unable to open"):
        internals.connect(f"sqlite:///{tmp_path}").search_experiments()
    assert slept == []


@pytest.mark.parametrize(
    ("status", "kind", "page", "is_of_gateway"),
    [
        *((status, "text/html", b"<html>Sign in</html>", True)
          for status in (200, 400, 401, 403, 404, 407, 413)),
        (403, "application/json", b'{"message": "Forbidden"}', True),
        (404, "application/json", b'{"error_code": 404, "message": "no Route matched"}', True),
        (404, "application/json", b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}', False),
        (400, "application/json", b'{"error_code": "INVALID_PARAMETER_VALUE"}', False),
    ],
)  # fmt: skip
def test_a_gateways_answer_is_not_the_stores(status, kind, page, is_of_gateway):
    proxy = Proxy(None)
    proxy.instead = status, kind, page
    with closing(proxy), pytest.raises(MlflowException) as error:
        MlflowClient(proxy.url).get_run("0" * 32)
    assert internals.is_of_gateway(error.value) == is_of_gateway
