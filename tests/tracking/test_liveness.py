"""A run whose process died is ended, whatever its tags say; one that lives is left alone."""

import platform
import shutil
import time

import pytest

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking import liveness
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord


@pytest.fixture
def store(cli, monkeypatch):
    monkeypatch.setattr(liveness, "_WATCH_SECONDS", 0.5)
    monkeypatch.setattr(liveness, "_PAUSE_SECONDS", 0.05)
    return Store.open(cli.uri, "noise_training")


def left(store, folder, known=True, **tags):
    """A run that a process is at, in its folder and, if it is known there, in the store."""
    run = Record("left", {"kind": "run", "fingerprint": "f"})
    journal = Journal.start(folder, run, Owed(store.uri, store.experiment_id))
    journal.log_epoch(EpochRecord(0, 0.5, 0.25, 0.0, 1, 0.5))
    stored = {**journal.record.tags, "uid": run.uid, "heartbeat": "1", **tags}
    journal.update(tags=tags)
    if known:
        stored = {key: value for key, value in stored.items() if value is not None}
        made = store.client.create_run(store.experiment_id, tags=stored)
        journal.update(run_id=made.info.run_id)
    return journal


def status(store, run_id):
    return store.client.get_run(run_id).info.status


ELSEWHERE = {"host": f"{platform.node()}-2"}


@pytest.mark.parametrize("known", [False, True])
def test_sync_ends_a_run_of_another_machine_that_gives_no_sign_of_life(cli, store, known):
    folder = cli.folder / "out"
    left(store, folder, known, **ELSEWHERE).release()
    assert liveness.settle(folder, lambda: store.client) == "elsewhere"
    assert Journal.load(folder).record.status == "RUNNING"
    assert liveness.silent({folder: cli.uri}) == [folder]
    if known:
        assert liveness.settle(folder, lambda: store.client, dead=True) == "delivered"
    else:  # the store has nothing to watch
        done = cli.ok("sync", "out", module="noise_exp.tracking")
        assert done.stdout == "out: delivered\n"
    (run,) = cli.runs("run")
    assert run.info.status == "KILLED"
    assert cli.history(run) == [0.5]


def test_a_run_of_another_machine_that_beats_lives(cli, store, monkeypatch):
    journal = left(store, cli.folder / "out", **ELSEWHERE)
    journal.release()
    monkeypatch.setattr(liveness, "_WATCH_SECONDS", 20.0)
    run_id, waited = journal.record.run_id, time.sleep

    def sleep(seconds):
        store.client.set_tag(run_id, "heartbeat", str(time.time()))
        waited(seconds)

    monkeypatch.setattr(liveness.time, "sleep", sleep)
    assert liveness.silent({cli.folder / "out": cli.uri}) == []
    assert liveness.mark_dead_runs(store) == {"f": run_id}
    assert status(store, run_id) == "RUNNING"


@pytest.mark.parametrize(
    "tags",
    [
        ELSEWHERE,
        *({"heartbeat": beat} for beat in ("abc", "", "-1", "9" * 30, None)),
        *({name: None} for name in ("host", "uid", "folder")),
        {"folder": None, "heartbeat": "9" * 30},
        {"uid": None, "heartbeat": None},
    ],
)
def test_a_dead_run_is_ended_whatever_became_of_its_tags(cli, store, tags):
    journal = left(store, cli.folder / "left")
    journal.release()
    run_id = journal.record.run_id
    for key, value in tags.items():
        if value is None:
            store.client.delete_tag(run_id, key)
        else:
            store.client.set_tag(run_id, key, value)
    assert liveness.mark_dead_runs(store) == {}
    nobodys = {"uid", "heartbeat"} <= tags.keys()  # it may be anybody's
    assert status(store, run_id) == ("RUNNING" if nobodys else "KILLED")
    if not {"uid", "folder", "heartbeat"} & tags.keys():
        (run,) = cli.runs("run")
        assert cli.history(run) == [0.5]  # what it left in reach is delivered
    assert liveness.wait_for(store, run_id) is None


def test_a_run_that_is_deleted_is_not_waited_for(store):
    ended = store.client.create_run(store.experiment_id).info.run_id
    store.client.set_terminated(ended)
    running = store.client.create_run(store.experiment_id, tags={"heartbeat": "1"}).info.run_id
    for run_id in (ended, running):
        store.client.delete_run(run_id)
        assert liveness.wait_for(store, run_id) is None
    assert liveness.wait_for(store, "0" * 32) is None  # as after `mlflow gc`


def test_a_run_of_a_store_under_two_paths_is_known_by_its_lock(cli, store):
    journal = left(store, cli.folder / "held")
    (cli.folder / "link").symlink_to(cli.folder / "mlruns")
    linked = Store.open(f"sqlite:///{cli.folder}/link/mlflow.db", "noise_training")
    assert liveness.mark_dead_runs(linked) == {"f": journal.record.run_id}
    journal.release()
    assert liveness.mark_dead_runs(linked) == {}
    assert not Journal.load(journal.folder).owed


def test_a_copy_ends_no_run_of_its_original(cli, store):
    journal = left(store, cli.folder / "left")
    journal.release()  # its process died
    shutil.copytree(cli.folder / "mlruns", cli.folder / "copy")
    uri = f"sqlite:///{cli.folder}/copy/mlflow.db"
    liveness.mark_dead_runs(Store.existing(uri, "noise_training", untouched=True))
    assert Journal.load(journal.folder).record.status == "RUNNING"
    liveness.mark_dead_runs(store)
    assert not Journal.load(journal.folder).owed
    assert status(store, journal.record.run_id) == "KILLED"
