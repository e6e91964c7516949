"""What a run owes arrives, whatever part of it is gone, damaged or refused."""

import json

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError, Response
from support import artifacts

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import DataSet, Owed, Record
from noise_exp.tracking.delivery import RefusedError
from noise_exp.tracking.internals import connect
from noise_exp.tracking.liveness import settle
from noise_exp.tracking.store import Store
from noise_exp.training.loop import EpochRecord

EPOCHS = 6


def sync(folder, uri):
    return settle(folder, lambda: connect(uri))


def owed(cli, name="out", **known):
    """A run in a folder that its store has not heard of: epochs, results, files and a model."""
    store = Store.open(cli.uri, "noise_training")
    run = Record(name, {"kind": "run"}, **{"params": {"lr": "0.1"}, **known})
    journal = Journal.start(cli.folder / name, run, Owed(cli.uri, store.experiment_id))
    for epoch in range(EPOCHS):
        journal.log_epoch(EpochRecord(epoch, 0.5, 0.25, 0.0, epoch + 1, 0.5))
    (journal.folder / "report.html").write_text("report")
    np.savez(cli.folder / "w.npz", w=np.zeros(3))
    weights = (cli.folder / "w.npz").read_bytes()
    journal.log_artifacts(
        {"config.yaml": b"a: 1", "model/MLmodel": b"{}", "model/weights.npz": weights}
    )
    journal.update(metrics={"test_errors": 3.0}, files=["report.html"])
    journal.end("FINISHED")
    journal.release()
    return journal


def forget(journal):
    """Let a folder not know that all was delivered."""
    record = journal.folder / ".noise_exp" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"delivered": False}))


def check_whole(cli, run, without=()):
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_errors"] == 3.0
    assert run.data.params["lr"] == "0.1"
    assert cli.history(run) == [0.5] * EPOCHS
    names = {path.name for path in artifacts(run).glob("*")} if artifacts(run).exists() else set()
    assert names == {"report.html", "config.yaml"} - {*without}


def check_delivered(cli, without=()):
    (run,) = cli.runs("run")
    check_whole(cli, run, without)
    assert Journal.load(cli.folder / "out").owed.delivered
    return run


def models(cli):
    client = MlflowClient(cli.uri)
    experiment = client.get_experiment_by_name("noise_training")
    found = client.search_logged_models([experiment.experiment_id])
    return [model.status.name for model in found]


def test_what_arrives_first_is_enough_to_judge_a_run_by(cli, monkeypatch):
    def away(*_, **__):
        raise ConnectionError("cut off")

    monkeypatch.setattr(MlflowClient, "log_batch", away)
    owed(cli, parent_id="p")
    with pytest.raises(ConnectionError):
        sync(cli.folder / "out", cli.uri)
    (run,) = cli.runs("run")
    assert {"kind", "folder", "host", "uid", "heartbeat", "mlflow.parentRunId"} <= {*run.data.tags}
    monkeypatch.undo()
    assert sync(cli.folder / "out", cli.uri) == "delivered"
    check_delivered(cli)


WEIGHTS = ".noise_exp/artifacts/model/weights.npz"


@pytest.mark.parametrize(
    ("name", "damage", "without"),
    [
        ("report.html", "gone", "report.html"),
        ("report.html", "a folder", "report.html"),
        (".noise_exp/artifacts/config.yaml", "gone", "config.yaml"),
        (".noise_exp/artifacts", "gone", "config.yaml"),
        *((WEIGHTS, damage, "model: weights.npz") for damage in ("gone", "empty", "zeros", "half")),
    ],
)
def test_what_is_gone_or_damaged_is_named_and_the_rest_arrives(cli, caplog, name, damage, without):
    path = owed(cli).folder / name
    kept = path.rename(cli.folder / "kept")
    if damage == "a folder":
        path.mkdir()
    elif damage != "gone":
        half = kept.stat().st_size // 2
        content = {"empty": b"", "zeros": bytes(half), "half": kept.read_bytes()[:half]}
        path.write_bytes(content[damage])
    outcome = sync(cli.folder / "out", cli.uri)
    run = check_delivered(cli, without=[without])
    for said in (outcome, run.data.tags["left_out"], caplog.text):
        assert without in said
    assert models(cli) == ([] if name in (WEIGHTS, ".noise_exp/artifacts") else ["READY"])


def refuse(monkeypatch, call, text, error):
    """Let a call of MLflow's client refuse or fail when its arguments hold a text."""
    true = getattr(MlflowClient, call)

    def instead(client, *arguments):
        if text in str(arguments):
            raise error
        return true(client, *arguments)

    monkeypatch.setattr(MlflowClient, call, instead)


def too_large():
    response = Response()
    response.status_code = 413
    return HTTPError("413 Client Error: Request Entity Too Large", response=response)


INVALID = MlflowException.invalid_parameter_value("it is too long")


@pytest.mark.parametrize(
    ("known", "call", "text", "error", "named"),
    [
        ({"params": {"lr": "0.1", "bad:*name": "1"}}, None, "", None, "param bad:*name"),
        ({"params": {"lr": "0.1", "k" * 300: "1"}}, None, "", None, "param k"),
        ({"metrics": {"a:*b": 1.0}}, None, "", None, "metric a:*b"),
        ({"dataset": DataSet("d", "x" * 99, "here", {"test": 1})}, None, "", None, "data set d"),
        ({"note": "n" * 300}, "log_batch", "nnnn", INVALID, "tag mlflow.note.content"),
        ({}, "log_artifact", "config.yaml", too_large(), "config.yaml"),
        ({}, "log_model_artifacts", "model", too_large(), "model"),
        ({}, "create_logged_model", "model", INVALID, "model"),
    ],
)
def test_what_the_store_refuses_is_named_and_the_rest_arrives(
    cli, monkeypatch, known, call, text, error, named
):
    owed(cli, **known)
    if call:
        refuse(monkeypatch, call, text, error)
    assert sync(cli.folder / "out", cli.uri).startswith(f"delivered, without {named}")
    check_delivered(cli, without=[named])
    left = {"log_model_artifacts": ["FAILED"], "create_logged_model": []}
    assert models(cli) == left.get(call, ["READY"])


def test_more_of_everything_than_a_call_takes(cli):
    params = {f"p{i}": str(i) for i in range(250)}
    metrics = {f"m{i}": float(i) for i in range(1800)}
    owed(cli, params=params, metrics=metrics)
    sync(cli.folder / "out", cli.uri)
    (run,) = cli.runs("run")
    assert run.data.params == params
    assert metrics.items() <= run.data.metrics.items()


def test_a_run_that_was_deleted_in_the_store_is_named(cli):
    journal = owed(cli)
    sync(journal.folder, cli.uri)
    MlflowClient(cli.uri).delete_run(cli.runs("run")[0].info.run_id)
    forget(journal)
    with pytest.raises(RefusedError, match="was deleted there; restore it"):
        sync(journal.folder, cli.uri)


def test_what_an_earlier_run_in_the_folder_owes_is_kept_for_sync(cli, caplog):
    folder = owed(cli).folder
    owed(cli)
    assert "An earlier run in" in caplog.text
    for path in Journal.find(folder):
        assert sync(path, cli.uri) == "delivered"
    for run in cli.runs("run"):
        check_whole(cli, run)
    assert models(cli) == ["READY"] * 2
    owed(cli)  # nothing is kept of what was delivered
    assert len(Journal.find(folder)) == 2


def test_a_store_that_is_gone_is_replaced_by_another(cli):
    journal = owed(cli)
    sync(journal.folder, cli.uri)
    forget(journal)
    another = f"sqlite:///{cli.folder}/another.db"
    Store.open(another, "noise_training")
    outcome = sync(journal.folder, another)
    assert outcome.startswith("delivered, without model: MLmodel")  # the first store had these
    (run,) = cli.runs("run", uri=another)
    assert (run.info.status, run.data.params["lr"]) == ("FINISHED", "0.1")
    assert cli.history(run, uri=another) == [0.5] * EPOCHS


@pytest.mark.parametrize(
    "line",
    [b"no json\n", b"\0" * 4096 + b"\n", b'{"epoch": 2, "cost": 0.5}\n', b"[1, 2]\n", b"7\n",
     b'{"epoch": "2", "time": 1}\n', b'{"epoch": 2, "time": 1, "cost": "a"}\n', b"\xff\xfe\n"],
)  # fmt: skip
def test_a_damaged_line_costs_that_line_alone(cli, caplog, line):
    folder = owed(cli).folder
    path = folder / ".noise_exp" / "epochs.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))
    assert sync(folder, cli.uri) == "delivered"
    (run,) = cli.runs("run")
    stored = MlflowClient(cli.uri).get_metric_history(run.info.run_id, "cost")
    assert sorted(m.step for m in stored) == [0, 1, 3, 4, 5]
    assert "1 lines of" in caplog.text
    costs = Journal.load(folder).read().curves["cost"]  # each at its epoch
    assert costs == pytest.approx([0.5, 0.5, np.nan, 0.5, 0.5, 0.5], nan_ok=True)


def test_a_damaged_record_is_named_and_the_others_arrive(cli):
    owed(cli)
    for name, damage in enumerate((b"", b"\0" * 300, b'{"name": "x"', b"[]", b"\xff")):
        (cli.folder / f"{name}" / ".noise_exp").mkdir(parents=True)
        (cli.folder / f"{name}" / ".noise_exp" / "run.json").write_bytes(damage)
    done = cli("sync", ".", module="noise_exp.tracking")
    assert done.returncode == 1
    for name in range(5):
        assert f"{name}: still owed: {name}/.noise_exp/run.json is damaged" in done.stdout
    assert "out: delivered\n" in done.stdout
    check_delivered(cli)
