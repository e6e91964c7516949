"""A store that wants a password, PostgreSQL's or a server's: all holds with it, a line without."""

import os
import signal
import socket
import time
from urllib.parse import quote, urlsplit

import pytest
from mlflow import MlflowClient
from support import holding, wait_until

SECRET = "s3cret/of@all"
WRONG = "wr0ng-passw0rd"
SWEEP = ("-m", "epochs=2,4", "network=small", "threads=1", "hydra.sweep.dir=out")
REPORT = ("x",)
URI, PASSWORD = "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_PASSWORD"
UNKNOWN = "error code 401"
# Seconds: between its tries alone MLflow would sleep for 101.
SOON = 100


def refusal(cli, env, command):
    """The one line of a command that a store refuses, soon and without a password."""
    began = time.monotonic()
    done = cli(*command, module="noise_exp.report" if command == REPORT else "noise_exp", env=env)
    assert time.monotonic() - began < SOON
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert not any(word in line + done.stdout for word in (WRONG, SECRET, quote(SECRET, safe="")))
    assert not [*cli.folder.rglob("epochs.jsonl")]
    return line


@pytest.mark.parametrize("store", ["postgres", "guarded"])
def test_a_sweep_is_interrupted_and_resumed(cli, store, request, monkeypatch):
    for name, value in request.getfixturevalue(store).items():
        monkeypatch.setenv(name, value)
        cli.env[name] = value
    uri = cli.env[URI]
    command = (SWEEP[0], *cli.hold(3), *SWEEP[1:])
    running = cli.start(*command)
    cli.wait_for_epochs(3, job="1")
    wait_until(lambda: "FINISHED" in {run.info.status for run in cli.runs("run", uri)})
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait() == 1
    assert "resume=true" in (cli.folder / "stdout").read_text()
    errors = (cli.folder / "stderr").read_text()
    assert errors.endswith("noise_exp: interrupted\n")
    assert not any(word in errors for word in ("Traceback", "INFO"))
    cli.release(3)
    done = cli(*command, "resume=true")
    assert done.returncode == 0, done.stderr
    assert "finished already" in done.stdout
    # Said at the end, or now if the store was too busy for one who presses Ctrl-C.
    *whole, cut = sorted(cli.runs("run", uri), key=lambda run: run.info.status)
    statuses = [run.info.status for run in (*whole, cut)]
    assert statuses == ["FINISHED", "FINISHED", "KILLED"]
    epochs = [(int(run.data.params["epochs"]), len(cli.history(run, uri=uri))) for run in whole]
    assert sorted(epochs) == [(2, 2), (4, 4)]
    assert [run.info.status for run in cli.runs("sweep", uri)] == ["FINISHED", "KILLED"]
    report = cli(whole[0].info.run_id, module="noise_exp.report")
    assert report.returncode == 0, report.stderr
    for secret in (SECRET, quote(SECRET, safe="")):
        assert holding(cli.folder, secret) == []


def with_uri(env, old="", new="", **more):
    """The environment of a store at another address, without what else was set."""
    return {URI: env[URI].replace(old, new), **more}


REFUSED = {
    "a wrong password": ("guarded", lambda env: env | {PASSWORD: WRONG}, UNKNOWN),
    "no password": ("guarded", with_uri, UNKNOWN),
    "a wrong token": ("guarded", lambda env: with_uri(env, MLFLOW_TRACKING_TOKEN=WRONG), UNKNOWN),
    "a wrong password of a database": (
        "postgres", lambda env: with_uri(env, quote(SECRET, safe=""), WRONG),
        'password authentication failed for user "mlflow"'),
    "no database": ("postgres", lambda env: with_uri(env, "/postgres", "/nowhere"),
                    'database "nowhere" does not exist'),
    "no server": ("postgres", lambda env: with_uri(env, f":{urlsplit(env[URI]).port}/", ":9/"),
                  "Connection refused"),
}  # fmt: skip


@pytest.mark.parametrize("command", [SWEEP, ("epochs=2",), REPORT], ids=["sweep", "run", "report"])
@pytest.mark.parametrize(("store", "other", "message"), REFUSED.values(), ids=REFUSED)
def test_what_a_store_refuses_is_a_line(cli, request, store, other, message, command):
    line = refusal(cli, other(request.getfixturevalue(store)), command)
    assert message in line
    assert "tracking.enabled" in line or "set MLFLOW_TRACKING_URI" in line


def test_a_database_that_does_not_answer(cli, postgres):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at = urlsplit(postgres[URI])
        env = with_uri(postgres, f":{at.port}/", f":{silent.getsockname()[1]}/")
        assert "timeout expired" in refusal(cli, env, ("epochs=2",))


def test_a_user_who_may_not_write(cli, guarded, monkeypatch):
    for name, value in guarded.items():
        monkeypatch.setenv(name, value)
    MlflowClient(guarded[URI]).create_experiment("admins")
    reader = guarded | {"MLFLOW_TRACKING_USERNAME": "reader"}
    line = refusal(cli, reader, (*SWEEP, "tracking.experiment=admins"))
    assert "Permission denied" in line
