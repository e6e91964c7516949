"""What a run and a sweep leave, on disk, in a real store and in the terminal, holds no secret."""

import json

import pytest
from mlflow import MlflowClient
from support import SMALL, Cli, holding

SECRET = "hunter2x"
# An optimizer that tells what it should not: its error goes into a tag, an artifact and the log.
TELLTALE = """
def step(self, parameters, direction, moment):
    raise RuntimeError('no answer from ' + os.environ['MLFLOW_TRACKING_URI'])
"""


def check_silent(cli: Cli, done) -> None:
    assert SECRET not in done.stdout + done.stderr
    assert holding(cli.folder, SECRET) == []


def test_a_sweep_and_what_it_left_owed_and_delivered(cli, server):
    cli.own_part("optimizer", "telltale", TELLTALE, before="import os\n")
    uri = f"http://me:pass%2F{SECRET}@{server.url.removeprefix('http://')}"
    env = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_NAME": "leaks"}
    command = ("--config-dir=my", "-m", "optimizer=vanilla,telltale", *SMALL,
               "hydra.sweep.dir=out")  # fmt: skip
    done = cli(*command, env=env)
    assert done.returncode == 1
    assert "1 of 2 jobs failed" in done.stdout
    assert "RuntimeError: no answer from http://me:***@" in done.stdout
    check_silent(cli, done)
    assert "***@" in (cli.folder / "out" / "runs.csv").read_text()
    client = MlflowClient(server.url)
    runs = client.search_runs([client.get_experiment_by_name("leaks").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FAILED", "FINISHED"]
    # What the program itself needs of the store's address, it still finds.
    record = cli.folder / "out" / "0" / ".noise_exp" / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"delivered": False}))
    done = cli("sync", "out/0", module="noise_exp.tracking")
    assert done.returncode == 1
    assert "set MLFLOW_TRACKING_URI to the whole URI" in done.stdout
    assert "http://me:***@" in done.stdout
    done = cli("sync", "out/0", module="noise_exp.tracking", env=env)
    assert done.stdout.startswith("out/0: delivered, without model: MLmodel")
    (sweep,) = [run.info.run_id for run in runs if run.data.tags["kind"] == "sweep"]
    done = cli(sweep, module="noise_exp.report", env=env)
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
    assert MlflowClient(server.url).get_experiment_by_name(how)
    assert [p for p in holding(server.folder, SECRET) if p.name != "server.log"] == []


@pytest.mark.parametrize(
    ("group", "text", "key"),
    [
        ("optimizer", "_target_: own.Own\na: [1, {{b: {{password: {}}}}}]\n",
         "optimizer.a.b.password"),
        ("experiment",
         "# @package _global_\nhydra: {{job: {{env_set: {{MY_TOKEN: {}}}}}}}\n",
         "hydra.job.env_set.MY_TOKEN"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sweep", [(), ("-m", "seed=1,2"), ("-m",)])
def test_a_secret_in_a_file_is_refused_before_anything_is_written(cli, group, text, key, sweep):
    ours = cli.own_option(group, "own", text.format(SECRET))
    others = {"optimizer": "vanilla,", "experiment": "article,"}[group] if sweep == ("-m",) else ""
    done = cli("--config-dir=my", *sweep, f"{group}={others}own", *SMALL)
    assert done.returncode == 1
    assert f"{key} holds a secret" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    ours.unlink()
    check_silent(cli, done)
    assert not list(cli.folder.glob("outputs")) + list(cli.folder.glob("multirun"))


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("noise_exp", ["tracking.uri=http://me:{}@127.0.0.1:9"]),
        ("noise_exp", ["-m", "optimizer.api_token={},b"]),
        ("noise_exp.tracking", ["sync", ".", "--uri", "http://127.0.0.1:9?password={}"]),
        ("noise_exp.report", ["x", "--uri", "http://{}@127.0.0.1:9"]),
        ("noise_exp.predict", ["x", "y", "--uri", "http://me:{}@127.0.0.1:9"]),
    ],
)
def test_a_secret_on_any_command_line_is_refused_before_anything_is_done(cli, module, arguments):
    done = cli(*(a.format(SECRET) for a in arguments), module=module)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "holds a secret" in line
    check_silent(cli, done)
    assert {path.name for path in cli.folder.iterdir()} == {"home", "mlruns"}
