"""What a run owes arrives, whatever part of it is gone, damaged or refused."""

import json
import platform
import shutil

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError, Response
from support import artifacts

from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import DataSet, Record
from noise_exp.tracking import living
from noise_exp.tracking.failures import reason
from noise_exp.tracking.living import sync
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord

EPOCHS = 6


def weights(folder):
    np.savez(folder / "w.npz", w=np.zeros(3))
    return (folder / "w.npz").read_bytes()


def owed(cli, name="out", status="FINISHED", **facts):
    """A run in a folder that its store has not heard of: epochs, results, files and a model."""
    store = Store.open(cli.uri, "noise_training")
    run = Record(name, {"kind": "run"}, **{"params": {"lr": "0.1"}, **facts})
    journal = Journal.start(cli.folder / name, run, Owed(cli.uri, store.experiment_id))
    for epoch in range(EPOCHS):
        journal.log_epoch(EpochRecord(epoch, 0.5, 0.25, 0.0, epoch + 1, 0.5))
    (journal.folder / "report.html").write_text("report")
    files = {
        "config.yaml": b"a: 1",
        "model/MLmodel": b"{}",
        "model/weights.npz": weights(cli.folder),
    }
    journal.log_artifacts(files)
    journal.update(metrics={"test_errors": 3.0}, files=["report.html"])
    if status != "RUNNING":
        journal.end(status)
    journal.release()
    return journal


def the_run(cli):
    (run,) = cli.runs("run")
    return run


def check_delivered(cli, without=()):
    run = the_run(cli)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_errors"] == 3.0
    assert run.data.params["lr"] == "0.1"
    assert cli.history(run) == [0.5] * EPOCHS
    names = {path.name for path in artifacts(run).glob("*")} if artifacts(run).exists() else set()
    assert names == {"report.html", "config.yaml"} - {*without}
    assert Journal.load(cli.folder / "out").owed.delivered
    return run


def models(cli):
    client = MlflowClient(cli.uri)
    experiment = client.get_experiment_by_name("noise_training")
    found = client.search_logged_models([experiment.experiment_id])
    return [model.status.name for model in found]


@pytest.mark.parametrize("gone", ["report.html", ".noise_exp/artifacts/config.yaml"])
def test_a_file_that_is_gone_is_named_and_the_rest_arrives(cli, caplog, gone):
    path = owed(cli).folder / gone
    path.unlink()
    assert sync(cli.folder / "out", cli.uri) == f"delivered, without {path.name}"
    run = check_delivered(cli, without=[path.name])
    assert f"{path.name} (No such file or directory)" in run.data.tags["left_out"]
    assert path.name in caplog.text
    assert models(cli) == ["READY"]


def test_a_folder_in_a_files_place_and_all_artifacts_gone(cli):
    folder = owed(cli).folder
    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()
    shutil.rmtree(folder / ".noise_exp" / "artifacts")
    outcome = sync(folder, cli.uri)
    assert outcome.startswith("delivered, without")
    check_delivered(cli, without=["report.html", "config.yaml"])
    assert models(cli) == []


@pytest.mark.parametrize("damage", [None, b"", b"\0" * 500, "half"])
def test_a_model_without_its_weights_is_never_ready(cli, damage):
    path = owed(cli).folder / ".noise_exp" / "artifacts" / "model" / "weights.npz"
    whole = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    assert "model: weights.npz" in sync(cli.folder / "out", cli.uri)
    check_delivered(cli)
    assert models(cli) == []


class Refusing:
    """MLflow's client, one of whose calls refuses or fails when its arguments hold a text."""

    def __init__(self, monkeypatch, call, text, error):
        true = getattr(MlflowClient, call)

        def instead(client, *arguments, **options):
            if text in str([vars(a) if hasattr(a, "__dict__") else a for x in arguments
                            for a in (x if isinstance(x, list) else [x])]):  # fmt: skip
                raise error
            return true(client, *arguments, **options)

        monkeypatch.setattr(MlflowClient, call, instead)


def too_large():
    response = Response()
    response.status_code = 413
    return HTTPError("413 Client Error: Request Entity Too Large", response=response)


INVALID = MlflowException.invalid_parameter_value("it is too long")


@pytest.mark.parametrize(
    ("facts", "call", "text", "error", "named"),
    [
        ({"params": {"lr": "0.1", "bad:*name": "1"}}, None, "", None, "param bad:*name"),
        ({"params": {"lr": "0.1", "k" * 300: "1"}}, None, "", None, "param k"),
        ({"metrics": {"a:*b": 1.0}}, None, "", None, "metric a:*b"),
        ({"dataset": DataSet("d", "x" * 99, "here", {"test": 1})}, None, "", None, "data set d"),
        ({"note": "n" * 300}, "create_run", "nnnn", INVALID, None),
        ({"note": "n" * 300}, "log_batch", "nnnn", INVALID, "tag mlflow.note.content"),
        ({}, "log_artifact", "config.yaml", too_large(), "config.yaml"),
        ({}, "log_model_artifacts", "model", too_large(), "model"),
        ({}, "create_logged_model", "model", INVALID, "model"),
    ],
)
def test_what_the_store_refuses_is_named_and_the_rest_arrives(
    cli, monkeypatch, facts, call, text, error, named
):
    owed(cli, **facts)
    if call:
        Refusing(monkeypatch, call, text, error)
    outcome = sync(cli.folder / "out", cli.uri)
    assert outcome.startswith(f"delivered, without {named}" if named else "delivered")
    run = check_delivered(cli, without=["config.yaml"] if named == "config.yaml" else [])
    assert run.data.params.keys() >= {"lr"}
    assert models(cli) == {"log_model_artifacts": ["FAILED"], "create_logged_model": []}.get(
        call, ["READY"]
    )


def test_more_of_everything_than_a_call_takes(cli):
    params = {f"p{i}": str(i) for i in range(250)}
    metrics = {f"m{i}": float(i) for i in range(1800)} | {"test_errors": 3.0}
    owed(cli, params=params, metrics=metrics)
    sync(cli.folder / "out", cli.uri)
    run = the_run(cli)
    assert run.data.params == params
    assert {k: v for k, v in run.data.metrics.items() if k in metrics} == metrics


def test_a_run_that_was_deleted_in_the_store_is_told_so(cli):
    journal = owed(cli, "first")
    sync(journal.folder, cli.uri)
    MlflowClient(cli.uri).delete_run(the_run(cli).info.run_id)
    record = journal.folder / ".noise_exp" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"delivered": False}))
    done = cli("sync", "first", module="noise_exp.tracking")
    assert done.returncode == 1
    assert "was deleted there" in done.stdout


def test_what_an_earlier_run_in_the_folder_owes_is_kept_for_sync(cli, caplog):
    folder = owed(cli).folder
    again = owed(cli)
    assert "An earlier run in" in caplog.text
    found = Journal.find(folder)
    assert len(found) == 2
    assert [sync(path, cli.uri) for path in found] == ["delivered"] * 2
    runs = cli.runs("run")
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
    for run in runs:
        assert cli.history(run) == [0.5] * EPOCHS
    assert again.record.uid in {run.data.tags["uid"] for run in runs}
    owed(cli)  # nothing is kept of what was delivered
    assert len(Journal.find(folder)) == 2


def test_a_store_that_is_gone_is_replaced_by_another(cli):
    folder = owed(cli).folder
    sync(folder, cli.uri)
    path = folder / ".noise_exp" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"delivered": False}))
    another = f"sqlite:///{cli.folder}/another.db"
    Store.open(another, "noise_training")
    outcome = sync(folder, another)
    assert outcome.startswith("delivered, without model: MLmodel")  # the first store had these
    (run,) = cli.runs("run", uri=another)
    assert (run.info.status, run.data.params["lr"]) == ("FINISHED", "0.1")
    assert len(MlflowClient(another).get_metric_history(run.info.run_id, "cost")) == EPOCHS


DAMAGED = [
    b"no json\n", b"\0" * 4096 + b"\n", b'{"epoch": 2, "cost": 0.5}\n', b"[1, 2]\n", b"7\n",
    b'{"epoch": "2", "time": 1}\n', b'{"epoch": 2, "time": 1, "cost": "a"}\n', b"\xff\xfe\n",
]  # fmt: skip


@pytest.mark.parametrize("line", DAMAGED)
def test_a_damaged_line_costs_that_line_alone(cli, caplog, line):
    folder = owed(cli).folder
    path = folder / ".noise_exp" / "epochs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))
    assert sync(folder, cli.uri) == "delivered"
    run = the_run(cli)
    stored = MlflowClient(cli.uri).get_metric_history(run.info.run_id, "cost")
    assert sorted(m.step for m in stored) == [0, 1, 3, 4, 5]
    assert "1 lines of" in caplog.text
    record = Journal.load(folder).read()
    costs = record.curves["cost"]  # each at its epoch
    assert np.isnan(costs[2])
    assert costs[3:] == [0.5] * 3


@pytest.mark.parametrize("damage", [b"", b"\0" * 300, b'{"name": "x"', b"[]", b"\xff"])
def test_a_damaged_record_is_named_and_the_others_arrive(cli, damage):
    owed(cli)
    broken = owed(cli, "broken").folder / ".noise_exp" / "run.json"
    broken.write_bytes(damage)
    done = cli("sync", ".", module="noise_exp.tracking")
    assert done.returncode == 1
    assert f"broken: still owed: {broken.relative_to(cli.folder)} is damaged" in done.stdout
    assert "out: delivered\n" in done.stdout
    check_delivered(cli)


def of_another_machine(cli):
    journal = owed(cli, status="RUNNING")
    with Journal.claim(journal.folder) as claimed:
        claimed.update(tags={"host": f"{platform.node()}-2", "uid": claimed.record.uid})
    return journal


@pytest.mark.parametrize("known", [False, True])
def test_sync_ends_a_run_of_another_machine_that_gives_no_sign_of_life(cli, monkeypatch, known):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 2.0)
    left = of_another_machine(cli)
    if known:
        MlflowClient(cli.uri).create_run(
            left.owed.experiment_id,
            tags={"kind": "run", "uid": left.record.uid, "heartbeat": "1"},
        )
    folder = cli.folder / "out"
    assert sync(folder, cli.uri) == "elsewhere"
    assert living.silent([folder], cli.uri) == [folder]
    assert sync(folder, cli.uri, dead=True) == "delivered"
    run = the_run(cli)
    assert run.info.status == "KILLED"
    assert cli.history(run) == [0.5] * EPOCHS


def test_sync_leaves_a_run_of_another_machine_that_beats(cli, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 20.0)
    left = of_another_machine(cli)
    client = MlflowClient(cli.uri)
    run = client.create_run(
        left.owed.experiment_id, tags={"kind": "run", "uid": left.record.uid, "heartbeat": "1"}
    )
    waited = living.time.sleep

    def sleep(seconds):
        client.set_tag(run.info.run_id, "heartbeat", "2")
        waited(seconds)

    monkeypatch.setattr(living.time, "sleep", sleep)
    assert living.silent([cli.folder / "out"], cli.uri) == []
    assert the_run(cli).info.status == "RUNNING"


def test_resume_delivers_what_a_dead_run_of_another_machine_left_in_reach(cli, monkeypatch):
    monkeypatch.setattr(living, "_WATCH_SECONDS", 2.0)
    facts = of_another_machine(cli).record
    store = Store.open(cli.uri, "noise_training")
    store.client.create_run(
        store.experiment_id,
        tags={**facts.tags, "host": f"{platform.node()}-2", "uid": facts.uid, "heartbeat": "1"},
    )
    assert living.bury_the_dead(store) == {}
    assert the_run(cli).info.status == "KILLED"
    assert cli.history(the_run(cli)) == [0.5] * EPOCHS


def test_a_record_is_synced_to_disk_at_the_end_and_every_few_seconds(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda number: synced.append(number))
    monkeypatch.setattr("noise_exp.records.journal._SYNC_SECONDS", 0.0)
    with Recording(tmp_path / "out", Record("run")) as journal:
        for epoch in range(3):
            before = len(synced)
            journal.log_epoch(EpochRecord(epoch, 0.5, 0.5, 0.0, 1, 0.5))
            assert len(synced) > before
        monkeypatch.setattr("noise_exp.records.journal._SYNC_SECONDS", 1e9)
        before = len(synced)
        journal.log_epoch(EpochRecord(3, 0.5, 0.5, 0.0, 1, 0.5))
        assert len(synced) == before
    assert len(synced) > before


def test_a_reason_is_not_what_was_hidden():
    def fail(hide):
        try:
            {}["secret detail"]
        except KeyError:
            if hide:
                raise OSError("the server is away") from None
            raise OSError("the server is away")  # noqa: B904

    for hide, told in ((True, "the server is away"), (False, "'secret detail'")):
        with pytest.raises(OSError, match="away") as caught:
            fail(hide)
        assert reason(caught.value) == told
