"""A server that fails or never answers holds up no training of a sweep, and no end for long."""

import json
import signal
import socket
import time

import pytest
from mlflow import MlflowClient
from support import PATIENCE, wait_until

from noise_exp.errors import ToldError, UserError
from noise_exp.runs.journal import Journal
from noise_exp.runs.owed import Owed
from noise_exp.runs.record import Record
from noise_exp.tracking import publisher
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store

JOBS = 5
FIRST = 2  # the epoch in which the first job is held, for the server to change meanwhile
# Python's own start and end, on a machine that is busy.
SLACK = 25.0
EVERYTHING = ""


def start(cli, proxy, experiment, *arguments):
    """Start a sweep of tiny jobs whose first is held."""
    cli.env["MLFLOW_TRACKING_URI"] = proxy.url
    running = cli.start(
        "-m", *cli.hold(FIRST), f"seed=range({JOBS})", "network=small", "epochs=4", "threads=1",
        f"tracking.experiment=sweep_{experiment}", "hydra.sweep.dir=out", *arguments,
    )  # fmt: skip
    cli.wait_for_epochs(FIRST, "0")
    cli.wait_until(lambda: record(cli, 0)["run_id"])
    return running


def record(cli, job):
    path = cli.folder / "out" / str(job) / ".noise_exp" / "run.json"
    return json.loads(path.read_text()) if path.exists() else {"status": "", "run_id": None}


def check_delivered(server, experiment):
    """The sweep and its jobs are finished, with every epoch."""
    client = MlflowClient(server.url)
    runs = client.search_runs([client.get_experiment_by_name(f"sweep_{experiment}").experiment_id])
    assert sorted(run.data.tags["kind"] for run in runs) == ["run"] * JOBS + ["sweep"]
    for run in runs:
        assert run.info.status == "FINISHED"
        if run.data.tags["kind"] == "run":
            assert len(client.get_metric_history(run.info.run_id, "cost")) == 4


def said(cli):
    return (cli.folder / "stdout").read_text() + (cli.folder / "stderr").read_text()


@pytest.mark.parametrize(
    ("name", "how", "launcher"),
    [
        ("all", {"hanging": EVERYTHING}, []),
        ("parallel", {"hanging": EVERYTHING},
         ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]),
        ("artifacts", {"hanging": "PUT "}, []),
        ("runs", {"hanging": "POST /api/2.0/mlflow/runs/create"}, []),
        ("gateway", {"instead": (403, "text/html", b"Sign in")}, []),
    ],
)  # fmt: skip
def test_a_sweep_trains_on_and_ends_when_patience_does(cli, server, proxy, name, how, launcher):
    running = start(cli, proxy, name, "tracking.patience=4", *launcher)
    vars(proxy).update(how)
    began = time.monotonic()
    cli.release(FIRST)
    cli.wait_until(lambda: record(cli, JOBS - 1)["status"] == "FINISHED")
    trained = time.monotonic() - began
    assert running.wait(timeout=PATIENCE) == 1
    assert time.monotonic() - began < trained + 4 + SLACK
    assert f"python -m noise_exp.tracking sync {cli.folder}/out" in said(cli)
    assert (cli.folder / "out" / "report.html").exists()
    # Nothing is lost: it is delivered when the server is back.
    proxy.hanging = proxy.instead = None
    done = cli("sync", "out", module="noise_exp.tracking")
    assert done.returncode == 0, done.stdout
    check_delivered(server, name)


@pytest.mark.parametrize(("name", "value"), [("hanging", EVERYTHING), ("failing", True)])
def test_a_server_that_comes_back_is_told_before_the_end(cli, server, proxy, name, value):
    running = start(cli, proxy, name, "tracking.patience=60")
    setattr(proxy, name, value)
    cli.release(FIRST)
    cli.wait_until(lambda: record(cli, JOBS - 1)["status"] == "FINISHED")
    proxy.hanging, proxy.failing = None, False
    assert running.wait(timeout=PATIENCE) == 0, said(cli)
    check_delivered(server, name)


@pytest.mark.parametrize("sweep", [True, False])
def test_sigterm_does_not_wait_for_it(cli, proxy, sweep):
    cli.env["MLFLOW_TRACKING_URI"] = proxy.url
    if sweep:
        running = start(cli, proxy, "killed")
    else:
        running = cli.start(*cli.hold(FIRST), "network=small", "epochs=4", "hydra.run.dir=out")
        cli.wait_for_epochs(FIRST)
    proxy.hanging = EVERYTHING
    seen = len(proxy.seen)
    cli.wait_until(lambda: len(proxy.seen) > seen)  # a call that gets no answer, as the heartbeat
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=PATIENCE) == 1
    assert time.monotonic() - began < 5 + SLACK
    assert "Traceback" not in said(cli)
    assert record(cli, 0 if sweep else ".")["status"] == "KILLED"


def test_one_that_never_answered_is_told_before_any_training(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(UserError, match="timed out"):
            Store.open(f"http://127.0.0.1:{listening.getsockname()[1]}", "never")


def recorded(cli, proxy, name, store, patience):
    owed = Owed(proxy.url, store.experiment_id)
    return Recording(cli.folder / name, Record(name, {"kind": "run"}), owed, patience)


def test_patience_is_one_budget_and_a_slow_answer_costs_none(cli, proxy):
    store = Store.open(proxy.url, "budget")
    proxy.delay = 1.0  # each of the calls; together they take longer than patience
    began = time.monotonic()
    with recorded(cli, proxy, "slow", store, 4.0) as journal:
        journal.log_artifacts({f"{i}.txt": b"text" for i in range(4)})
    assert time.monotonic() - began > 4.0
    assert journal.owed.delivered
    proxy.delay, proxy.hanging = 0.0, EVERYTHING
    waits = []
    for name in ("first", "second", "third"):
        began = time.monotonic()
        with pytest.raises(ToldError), recorded(cli, proxy, name, store, 4.0):
            pass
        waits.append(time.monotonic() - began)
    assert waits[0] > 3.5
    assert sum(waits[1:]) < 3.0  # the outage is remembered
    with pytest.raises(TimeoutError):
        publisher.publisher(proxy.url).ask(lambda: None, 4.0)
    assert Journal.load(cli.folder / "third").record.status == "FINISHED"


def test_ended_runs_hold_no_file_open_while_the_store_fails(cli, proxy, monkeypatch):
    store = Store.open(proxy.url, "many")
    proxy.failing = True
    monkeypatch.setattr(publisher, "_SEND_SECONDS", 0.1)
    for number in range(8):
        with recorded(cli, proxy, str(number), store, None):
            pass

    def free(number):
        with Journal.claim(cli.folder / str(number)) as journal:
            return journal is not None

    wait_until(lambda: all(map(free, range(8))))
    proxy.failing = False
    with recorded(cli, proxy, "last", store, 60.0):
        pass
    runs = MlflowClient(proxy.url).search_runs([store.experiment_id])
    assert {run.info.status for run in runs} == {"FINISHED"}
