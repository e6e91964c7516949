"""What a run and a sweep leave, on disk, in a real store and in the terminal, holds no secret."""

import json

import pytest
import requests
from server import Server
from support import PATIENCE, SMALL, Cli, holding

SECRET = "hunter2x"
# An optimizer that tells what it should not: its error goes into a tag, an artifact and the log.
TELLTALE = """
def step(self, parameters, direction, moment):
    raise RuntimeError('no answer from ' + os.environ['MLFLOW_TRACKING_URI'])
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


def check_silent(cli: Cli, done) -> None:
    assert SECRET not in done.stdout + done.stderr
    assert holding(cli.folder, SECRET) == []


def test_a_sweep_and_what_it_left_owed_and_delivered(cli, server):
    cli.own_part("optimizer", "telltale", TELLTALE, before="import os\n")
    uri = f"http://me:pass/{SECRET}@{server.url.removeprefix('http://')}"
    command = ("--config-dir=my", "-m", "optimizer=vanilla,telltale", *SMALL,
               "hydra.sweep.dir=out", f"tracking.uri={uri}")  # fmt: skip
    done = cli(*command)
    assert done.returncode == 1
    assert "1 of 2 jobs failed" in done.stdout
    assert "RuntimeError: no answer from http://***@" in done.stdout
    assert "set MLFLOW_TRACKING_URI" in done.stdout + done.stderr
    check_silent(cli, done)
    assert "***@" in (cli.folder / "out" / "multirun.yaml").read_text()
    assert "***@" in (cli.folder / "out" / "0" / ".hydra" / "overrides.yaml").read_text()
    assert "***@" in (cli.folder / "out" / "runs.csv").read_text()
    runs = cli.runs(uri=server.url)
    assert sorted(run.info.status for run in runs) == ["FAILED", "FAILED", "FINISHED"]
    # What the program itself needs of the store's address, it still finds.
    record = cli.folder / "out" / "0" / ".noise_exp" / "run.json"
    facts = json.loads(record.read_text())
    record.write_text(json.dumps(facts | {"delivered": False}))
    sync = ("sync", "out/0")
    done = cli(*sync, module="noise_exp.tracking")
    assert done.returncode == 1
    assert "set MLFLOW_TRACKING_URI to the whole of http://***@" in done.stdout
    done = cli(*sync, module="noise_exp.tracking", env={"MLFLOW_TRACKING_URI": uri})
    assert done.stdout == "out/0: delivered\n"
    done = cli(cli.runs("sweep", server.url)[0].info.run_id, "--uri", uri,
               module="noise_exp.report")  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_silent(cli, done)
    assert [p for p in holding(server.folder, SECRET) if p.name != "server.log"] == []


@pytest.mark.parametrize("how", ["token", "file", "submitit"])
def test_other_ways_to_tell_a_secret(cli, server, how):
    uri = f"http://{SECRET}@{server.url.removeprefix('http://')}"
    arguments, env = [f"tracking.uri={uri}"], {}
    if how == "file":  # a user's own, which is the one place that holds it
        text = f"# @package _global_\ntracking:\n  uri: {uri}\n"
        ours = cli.own_option("experiment", "ours", text)
        arguments = ["--config-dir=my", "-m", "experiment=ours"]
    if how == "submitit":  # which leaves what it tells its jobs on disk
        arguments, env = ["-m", "hydra/launcher=submitit_local"], {"MLFLOW_TRACKING_URI": uri}
    done = cli(*arguments, *SMALL, f"tracking.experiment={how}", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    if how == "file":
        ours.unlink()
    check_silent(cli, done)
    found = requests.get(
        f"{server.url}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": how}, timeout=PATIENCE,
    )  # fmt: skip
    assert found.ok
    assert [p for p in holding(server.folder, SECRET) if p.name != "server.log"] == []


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql+nodriver://me:{}@127.0.0.1:9/x",
        "http://127.0.0.1:9?password={}",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3Dnone%3BPWD%3D{}",
        "mssql+pyodbc:///?odbc_connect=DRIVER={{none at all}};PWD={}",
        "http://me:{}@127.0.0.1:port",
    ],
)
def test_a_store_that_cannot_be_opened_is_named_without_its_secret(cli, uri):
    done = cli(f"tracking.uri={uri.format(SECRET)}", *SMALL)
    assert done.returncode == 1
    assert "cannot be opened" in done.stderr
    assert "***" in done.stderr
    check_silent(cli, done)
