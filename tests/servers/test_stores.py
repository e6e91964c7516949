"""A store that wants a password, PostgreSQL's or a server's: all holds with it, a line without."""

import os
import signal
import socket
import time
from urllib.parse import quote

import pytest
from mlflow import MlflowClient
from support import holding

SECRET = "s3cret/of@all"
WRONG = "wr0ng-passw0rd"
SWEEP = ("-m", "epochs=2,4", "network=small", "threads=1", "hydra.sweep.dir=out")
CURE = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
# Seconds: between its tries alone MLflow would sleep for 101.
SOON = 100


@pytest.fixture(params=["postgres", "guarded"])
def store(request, monkeypatch, cli):
    """A store's environment, here and in the commands."""
    env = request.getfixturevalue(request.param)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
        cli.env[name] = value
    return env


def refusal(cli, *command, module="noise_exp", env):
    """The one line of a command that a store refuses, told soon and without a password."""
    began = time.monotonic()
    done = cli(*command, module=module, env=env)
    assert time.monotonic() - began < SOON
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert not any(word in line + done.stdout for word in (WRONG, SECRET, quote(SECRET, safe="")))
    return line


def test_a_sweep_is_interrupted_and_resumed(cli, store):
    uri = store["MLFLOW_TRACKING_URI"]
    command = (SWEEP[0], *cli.hold(3), *SWEEP[1:])
    running = cli.start(*command)
    cli.wait_for_epochs(3, job="1")
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait() == 1
    assert "resume=true" in (cli.folder / "stdout").read_text()
    errors = (cli.folder / "stderr").read_text()
    assert errors.endswith("noise_exp: interrupted\n")
    assert not any(word in errors for word in ("Traceback", "INFO"))
    assert sorted(run.info.status for run in cli.runs("run", uri)) == ["FINISHED", "KILLED"]
    cli.release(3)
    done = cli(*command, "resume=true")
    assert done.returncode == 0, done.stderr
    assert "finished already" in done.stdout
    whole = [run for run in cli.runs("run", uri) if run.info.status == "FINISHED"]
    epochs = [(int(run.data.params["epochs"]), len(cli.history(run, uri=uri))) for run in whole]
    assert sorted(epochs) == [(2, 2), (4, 4)]
    assert [run.info.status for run in cli.runs("sweep", uri)] == ["FINISHED", "KILLED"]
    report = cli(whole[0].info.run_id, module="noise_exp.report")
    assert report.returncode == 0, report.stderr
    for secret in (SECRET, quote(SECRET, safe="")):
        assert holding(cli.folder, secret) == []


@pytest.mark.parametrize(
    ("module", "command"),
    [("noise_exp", SWEEP), ("noise_exp", ("epochs=2",)), ("noise_exp.report", ("x",))],
    ids=["sweep", "run", "report"],
)
def test_a_wrong_password(cli, store, module, command):
    uri = store["MLFLOW_TRACKING_URI"]
    of_uri = uri.replace(quote(SECRET, safe=""), WRONG)
    wrong = {"MLFLOW_TRACKING_URI": of_uri, "MLFLOW_TRACKING_PASSWORD": WRONG}
    line = refusal(cli, *command, module=module, env=wrong)
    if uri.startswith("http"):
        assert CURE in line
        assert "tracking.enabled" not in line
    else:
        assert 'password authentication failed for user "mlflow"' in line
        assert "set MLFLOW_TRACKING_URI" in line
    assert not [*cli.folder.rglob("epochs.jsonl")]


def test_no_password_at_all(cli, guarded):
    uri = guarded["MLFLOW_TRACKING_URI"]
    assert CURE in refusal(cli, *SWEEP, env={"MLFLOW_TRACKING_URI": uri})
    token = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": WRONG}
    assert CURE in refusal(cli, *SWEEP, env=token)


def test_a_user_who_may_not_write(cli, guarded, monkeypatch):
    for name, value in guarded.items():
        monkeypatch.setenv(name, value)
    MlflowClient(guarded["MLFLOW_TRACKING_URI"]).create_experiment("admins")
    reader = guarded | {"MLFLOW_TRACKING_USERNAME": "reader"}
    line = refusal(cli, *SWEEP, "tracking.experiment=admins", env=reader)
    assert "this user may not" in line
    assert "Permission denied" in line


@pytest.mark.parametrize("module", ["noise_exp", "noise_exp.report"])
@pytest.mark.parametrize("what", ["no database", "no server", "no answer"])
def test_a_database_that_is_not_there(cli, postgres, what, module):
    uri = postgres["MLFLOW_TRACKING_URI"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        if what == "no database":
            uri = uri.replace("/postgres", "/nowhere")
        else:
            uri = f"{uri.rpartition(':')[0]}:{port}/postgres"
        if what == "no server":
            silent.close()
        line = refusal(cli, "x" if "report" in module else "epochs=2", module=module,
                       env={"MLFLOW_TRACKING_URI": uri})  # fmt: skip
    told = {
        "no database": 'database "nowhere" does not exist', "no server": "Connection refused",
        "no answer": "timeout expired",
    }  # fmt: skip
    assert told[what] in line
    assert "set MLFLOW_TRACKING_URI" in line
