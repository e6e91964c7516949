"""What a run and a sweep leave, on disk, in a real store and in the terminal, holds no secret."""

import json

import pytest
import requests
from server import Server
from support import PATIENCE, SMALL, Cli, holding

from noise_exp.tracking.store import Store

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
               "hydra.sweep.dir=out")  # fmt: skip
    done = cli(*command, env={"MLFLOW_TRACKING_URI": uri})
    assert done.returncode == 1
    assert "1 of 2 jobs failed" in done.stdout
    assert "RuntimeError: no answer from http://me:***@" in done.stdout
    check_silent(cli, done)
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
    assert "set MLFLOW_TRACKING_URI to the whole URI" in done.stdout
    assert "http://me:***@" in done.stdout
    done = cli(*sync, module="noise_exp.tracking", env={"MLFLOW_TRACKING_URI": uri})
    assert done.stdout == (  # all but the files, which left the folder when it was delivered
        "out/0: delivered"
        ", without model: MLmodel, without model: requirements.txt, without model: weights.npz, "
        "without config.yaml, without predictions.csv\n"
    )
    done = cli(cli.runs("sweep", server.url)[0].info.run_id, module="noise_exp.report",
               env={"MLFLOW_TRACKING_URI": uri})  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_silent(cli, done)
    assert [p for p in holding(server.folder, SECRET) if p.name != "server.log"] == []


@pytest.mark.parametrize("how", ["token", "named", "submitit"])
def test_other_ways_to_tell_a_secret(cli, server, how):
    uri = f"http://{SECRET}@{server.url.removeprefix('http://')}"
    arguments, env = [], {"MLFLOW_TRACKING_URI": uri}
    if how == "named":
        arguments, env = ["-m", "tracking.uri=${oc.env:STORE}"], {"STORE": uri}
    if how == "submitit":  # which leaves what it tells its jobs on disk
        arguments = ["-m", "hydra/launcher=submitit_local"]
    done = cli(*arguments, *SMALL, f"tracking.experiment={how}", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
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
    done = cli(*SMALL, env={"MLFLOW_TRACKING_URI": uri.format(SECRET)})
    assert done.returncode == 1
    assert "cannot be used" in done.stderr
    assert "***" in done.stderr
    check_silent(cli, done)


FILES = {
    "own option": ("optimizer", "api_token: {}\n", "optimizer.api_token"),
    "deep in it": ("optimizer", "a: [1, {{b: {{password: {}}}}}]\n", "optimizer.a.b.password"),
    "a number": ("optimizer", "password: {}\n", "optimizer.password"),
    "experiment": ("experiment", "optimizer: {{secret_key: {}}}\n", "optimizer.secret_key"),
    "store": ("experiment", "tracking: {{uri: 'mysql://me:{}@host/db'}}\n", "tracking.uri"),
    "query": ("experiment", "tracking: {{uri: 'http://host?password={}'}}\n", "tracking.uri"),
    "hydra's": (
        "experiment", "hydra: {{job: {{env_set: {{MY_TOKEN: {}}}}}}}\n",
        "hydra.job.env_set.MY_TOKEN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("sweep", [(), ("-m", "seed=1,2"), ("-m", "optimizer=vanilla,own")])
@pytest.mark.parametrize("where", FILES)
def test_a_secret_in_a_file_is_refused_before_anything_is_written(cli, where, sweep):
    group, text, key = FILES[where]
    secret = "1234567" if where == "a number" else SECRET
    head = "# @package _global_\n" if group == "experiment" else "_target_: own.Own\n"
    ours = cli.own_option(group, "own", head + text.format(secret))
    asked = [f"{group}=own"]
    if sweep[-1:] == ("optimizer=vanilla,own",):
        asked = [f"{group}={'vanilla' if group == 'optimizer' else 'article'},own"]
        sweep = ("-m",)
    done = cli("--config-dir=my", *sweep, *asked, *SMALL)
    assert done.returncode == 1
    assert f"{key} holds a secret" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    ours.unlink()
    assert secret not in done.stdout + done.stderr
    assert holding(cli.folder, secret) == []
    assert not list(cli.folder.glob("outputs")) + list(cli.folder.glob("multirun"))


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("noise_exp", ["tracking.uri=http://me:{}@127.0.0.1:9"]),
        ("noise_exp", ["-m", "seed=1,2", "tracking.uri=mssql+pyodbc:///?odbc_connect=PWD={};A=b"]),
        ("noise_exp", ["-m", "optimizer.api_token={},b"]),
        ("noise_exp.tracking", ["sync", ".", "--uri", "http://127.0.0.1:9?password={}"]),
        ("noise_exp.tracking", ["ui", "--uri=postgresql://me:{}@127.0.0.1:9/db"]),
        ("noise_exp.report", ["x", "--uri", "http://{}@127.0.0.1:9"]),
        ("noise_exp.predict", ["x", "y", "--uri", "http://me:{}@127.0.0.1:9"]),
    ],
)
def test_a_secret_on_any_command_line_is_refused_before_anything_is_done(cli, module, arguments):
    done = cli(*(a.format(SECRET) for a in arguments), module=module)
    assert done.returncode == 1
    assert "holds a secret" in done.stderr
    assert ("set MLFLOW_TRACKING_URI" in done.stderr) == ("api_token" not in done.stderr)
    assert len(done.stderr.splitlines()) == 1
    check_silent(cli, done)
    assert {path.name for path in cli.folder.iterdir()} == {"home", "mlruns"}


def test_a_user_without_a_password_is_shown_in_a_command_that_is_meant_to_be_pasted():
    uri = "postgresql://postgres@127.0.0.1/mlflow"
    assert f"--backend-store-uri {uri}\n" in Store(uri, uri, "1").browse
