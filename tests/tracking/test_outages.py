"""A server that is slow, fails, hangs, restarts or stays away costs no run a value, and no time."""

import contextlib
import json
import re
import signal
import socket
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient
from support import PATIENCE, wait_until

from noise_exp.errors import ReportedError, UserError
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking import publisher
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store

JOBS = 5
FIRST = 2  # the epoch in which the first job is held, for the server to change meanwhile
# Python's own start and end, on a machine that is busy.
SLACK = 25.0
EVERYTHING = {"hanging": ""}
MOST = 14  # requests of a job


def start(cli, proxy, *arguments, sweep=True):
    """Start a run, or a sweep of tiny jobs, whose first is held."""
    cli.env["MLFLOW_TRACKING_URI"] = proxy.url
    running = cli.start(
        *(["-m"] if sweep else []), *cli.hold(FIRST), f"seed=range({JOBS})" if sweep else "seed=0",
        "hydra.run.dir=out", "hydra.sweep.dir=out", "network=small", "epochs=4", "threads=1",
        f"tracking.experiment={cli.folder.name}", "estimator=feedback_alignment",
        "diagnostics=true", *arguments,
    )  # fmt: skip
    cli.wait_for_epochs(FIRST, "0" if sweep else "")
    cli.wait_until(lambda: record(cli, 0 if sweep else ".")["run_id"])
    return running


def record(cli, job):
    path = cli.folder / "out" / str(job) / ".noise_exp" / "run.json"
    return json.loads(path.read_text()) if path.exists() else {"status": "", "run_id": None}


@contextlib.contextmanager
def away(cli, server, proxy, how):
    """A server that fails so, or is killed, from the first job on and until the last has ended."""
    seen = len(proxy.seen)
    vars(proxy).update(how)
    if not how:
        server.kill()
    cli.release(FIRST)
    cli.wait_until(lambda: record(cli, JOBS - 1)["status"] == "FINISHED")
    cli.wait_until(lambda: len(proxy.seen) > seen)
    yield
    vars(proxy).update(hanging=None, failing=False, lossy=False, instead=None)
    if not how:
        server.start()


def check_delivered(cli, server):
    """The sweep and its jobs are finished, with every epoch once."""
    client = MlflowClient(server.url)
    runs = client.search_runs([client.get_experiment_by_name(cli.folder.name).experiment_id])
    assert sorted(run.data.tags["kind"] for run in runs) == ["run"] * JOBS + ["sweep"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in [run for run in runs if run.data.tags["kind"] == "run"]:
        run_id, folder = run.info.run_id, Path(run.data.tags["folder"])
        lines = list(map(json.loads, (folder / ".noise_exp" / "epochs.jsonl").open()))
        for key in ("cost", "train_error_rate", "delta_angle_1"):
            stored = [(m.step, m.value) for m in client.get_metric_history(run_id, key)]
            assert sorted(stored) == [(line["epoch"], line[key]) for line in lines]
        assert len(lines) == 4
        assert len(client.get_metric_history(run_id, "test_errors")) == 1
        names = {artifact.path for artifact in client.list_artifacts(run_id)}
        assert names == {"config.yaml", "predictions.csv"}
        assert len(run.outputs.model_outputs) == len(run.inputs.dataset_inputs) == 1


def said(cli):
    return (cli.folder / "stdout").read_text() + (cli.folder / "stderr").read_text()


@pytest.mark.parametrize(
    ("how", "launcher"),
    [
        (EVERYTHING, []),
        (EVERYTHING, ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]),
        ({"hanging": "PUT "}, []),
        ({"hanging": "POST /api/2.0/mlflow/runs/create"}, []),
        ({"instead": (403, "text/html", b"Sign in")}, []),
        ({}, []),
    ],
)
def test_a_sweep_trains_on_and_ends_when_patience_does(cli, server, proxy, how, launcher):
    running = start(cli, proxy, "tracking.patience=4", *launcher)
    with away(cli, server, proxy, how):
        trained = time.monotonic()
        assert running.wait(timeout=PATIENCE) == 1
        assert time.monotonic() < trained + 4 + SLACK
        assert f"python -m noise_exp.tracking sync {cli.folder}/out" in said(cli)
        assert "Traceback" not in said(cli)
        assert (cli.folder / "out" / "report.html").exists()
        if not how:
            done = cli("sync", "out", module="noise_exp.tracking")
            assert (done.returncode, "still owed" in done.stdout) == (1, True)
    # Nothing is lost: it is delivered when the server is back, however often.
    for _ in range(2):
        done = cli.ok("sync", "out", module="noise_exp.tracking")
        check_delivered(cli, server)
    assert {line.partition(": ")[2] for line in done.stdout.splitlines()} == {"nothing to deliver"}


@pytest.mark.parametrize("how", [EVERYTHING, {"failing": True}, {"lossy": True}, {}])
def test_a_server_that_comes_back_gets_all_before_the_end(cli, server, proxy, how):
    running = start(cli, proxy, "tracking.patience=60")
    with away(cli, server, proxy, how):
        pass
    assert running.wait(timeout=PATIENCE) == 0, said(cli)
    check_delivered(cli, server)


@pytest.mark.parametrize("sweep", [True, False])
def test_sigterm_does_not_wait_for_it(cli, proxy, sweep):
    running = start(cli, proxy, sweep=sweep)
    vars(proxy).update(EVERYTHING)
    seen = len(proxy.seen)
    cli.wait_until(lambda: len(proxy.seen) > seen)  # a call that gets no answer, as the heartbeat
    began = time.monotonic()
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=PATIENCE) == 1
    assert time.monotonic() - began < 5 + SLACK
    assert "Traceback" not in said(cli)
    assert record(cli, 0 if sweep else ".")["status"] == "KILLED"


def test_one_that_never_answered_is_reported_before_any_training(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(UserError, match="timed out"):
            Store.open(f"http://127.0.0.1:{listening.getsockname()[1]}", "never")


@pytest.fixture
def recorded(cli, proxy):
    """What begins a run of a name with some patience, and the store that it is recorded in."""
    store = Store.open(proxy.url, cli.folder.name)

    def begin(name, patience):
        owed = Owed(proxy.url, store.experiment_id)
        return Recording(cli.folder / name, Record(name, {"kind": "run"}), owed, patience)

    return begin, store


def test_patience_is_one_budget_and_a_slow_answer_costs_none(cli, proxy, recorded):
    begin, _ = recorded
    proxy.delay = 1.0  # each of the calls; together they take longer than patience
    began = time.monotonic()
    with begin("slow", 4.0) as journal:
        journal.log_artifacts({f"{i}.txt": b"text" for i in range(4)})
    assert time.monotonic() - began > 4.0
    assert journal.owed.delivered
    vars(proxy).update(EVERYTHING, delay=0.0)
    waits = []
    for name in ("first", "second", "third"):
        began = time.monotonic()
        with pytest.raises(ReportedError), begin(name, 4.0):
            pass
        waits.append(time.monotonic() - began)
    assert waits[0] > 3.5
    assert sum(waits[1:]) < 3.0  # the outage is remembered
    with pytest.raises(TimeoutError):
        publisher.publisher(proxy.url).ask(lambda: None, 4.0)
    assert Journal.load(cli.folder / "third").record.status == "FINISHED"


def test_ended_runs_hold_no_file_open_while_the_store_fails(cli, proxy, recorded, monkeypatch):
    begin, store = recorded
    proxy.failing = True
    monkeypatch.setattr(publisher, "_SEND_SECONDS", 0.1)
    for number in range(8):
        with begin(str(number), None):
            pass

    def free(number):
        with Journal.claim(cli.folder / str(number)) as journal:
            return journal is not None

    wait_until(lambda: all(map(free, range(8))))
    proxy.failing = False
    with begin("last", 60.0):
        pass
    assert {run.info.status for run in store.search()} == {"FINISHED"}


def test_what_the_store_itself_refuses_is_asked_once_more_at_the_end(server, proxy, recorded):
    begin, store = recorded
    client = MlflowClient(server.url)
    client.delete_experiment(store.experiment_id)
    with begin("mended", 20.0):
        wait_until(lambda: sum("runs/create" in call for call in proxy.seen) == 1)
        client.restore_experiment(store.experiment_id)
    assert [run.info.status for run in store.search()] == ["FINISHED"]
    client.delete_experiment(store.experiment_id)
    started = time.monotonic()
    with pytest.raises(ReportedError), begin("refused", 20.0):
        pass
    assert time.monotonic() - started < 10  # patience is for what may pass
    assert sum("runs/create" in call for call in proxy.seen) <= 4


def test_what_a_sweep_asks_of_the_server(cli, proxy):
    sweep = ("-m", "network=small", "epochs=3", "tracking.experiment=asked")
    few, many = "dist=gumbel,beta", "dist=gumbel,beta,zipf,power,backprop"
    cli.env["MLFLOW_TRACKING_URI"] = proxy.url
    asked = {}
    for command in ((few,), (many,), (few, "resume=true"), (many, "resume=true")):
        proxy.seen.clear()
        done = cli.ok(*sweep, *command)
        assert ("finished already" in done.stdout) == ("resume=true" in command)
        asked[command] = [
            re.sub(r"/m-[0-9a-f]+", "/MODEL", c) for c in proxy.seen if "heartbeat" not in c
        ]
    assert len(asked[many,]) - len(asked[few,]) <= 3 * MOST
    # Of jobs that are finished already it reads curves and files alone.
    of_jobs = re.compile("get-history|artifacts")
    resumed = [[c for c in asked[m, "resume=true"] if not of_jobs.search(c)] for m in (few, many)]
    assert resumed[0] == resumed[1]
