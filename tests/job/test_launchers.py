"""Every launcher gives the serial sweep's numbers, and its runs under one parent."""

import multiprocessing
import sys
from pathlib import Path

import pandas as pd
import pytest
from server import free_port, listens, serving
from support import PATIENCE, SMALL, Cli, jobs_in

from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking.publisher import publisher
from noise_exp.tracking.store import Store

METHODS = ("gumbel", "zipf", "backprop")
SWEEP = ("-m", f"dist={','.join(METHODS)}", *SMALL, "threads=1", "hydra.sweep.dir=out")
LAUNCHERS = {
    "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=6"],
    "submitit_local": ["hydra/launcher=submitit_local"],
    "ray": ["hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2",
            "+hydra.launcher.ray.init.include_dashboard=false"],
}  # fmt: skip


def costs(cli):
    return {r["params"]["dist"]: costs for r, costs in jobs_in(cli.folder / "out")}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("serial")
    cli = Cli(folder)
    cli.ok(*SWEEP, "tracking.enabled=false")
    return costs(cli)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_gives_what_the_serial_sweep_gives(newcomer, serial, launcher):
    newcomer.ok(*SWEEP, *LAUNCHERS[launcher])
    assert set(serial) == set(METHODS)
    assert costs(newcomer) == serial
    (parent,) = newcomer.runs("sweep")
    children = newcomer.runs("run")
    assert {run.data.params["dist"]: newcomer.history(run) for run in children} == serial
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.info.status for run in (parent, *children)} == {"FINISHED"}


@pytest.fixture
def cluster(cli):
    """The address of a Ray cluster whose workers share no folder with whoever uses it."""
    (cli.folder / "elsewhere").mkdir()
    port = free_port()
    with serving(
        Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=2",
        f"--port={port}", "--include-dashboard=false", "--node-ip-address=127.0.0.1",
        ready=lambda: listens(port), log=cli.folder / "ray.log", cwd=cli.folder / "elsewhere",
        env=cli.env,
    ):  # fmt: skip
        yield f"127.0.0.1:{port}"


def test_a_cluster_that_shares_no_folder(cli, cluster):
    (cli.folder / "here").mkdir()
    here = Cli(cli.folder / "here")
    here.env["HOME"] = cli.env["HOME"]  # where Ray keeps a token that both sides must know
    ray = ["hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster}", "resume=true"]
    for methods in ("gumbel,beta", "gumbel,beta,zipf"):
        done = here.ok("-m", f"dist={methods}", *SMALL, *ray)
    assert not list(cli.folder.glob("here/multirun/*/*/*/.noise_exp/run.json"))
    assert "finished already" in done.stdout
    runs = here.runs("run")
    assert sorted(run.data.params["dist"] for run in runs) == ["beta", "gumbel", "zipf"]
    (table,) = [t for p in cli.folder.glob("here/multirun/*/*/runs.csv")
                if len(t := pd.read_csv(p)) == 3]  # fmt: skip
    assert set(table.run_id) == {run.info.run_id for run in runs}
    assert {*table.method[table.reused]} == {"gumbel", "beta"}


def _first_use(uri, folder, barrier):
    barrier.wait()
    store = Store.open(uri, "noise_training")
    journal = Journal.start(folder, Record("first", {"kind": "run"}),
                            Owed(uri, store.experiment_id))  # fmt: skip
    publisher(uri).publish(journal)
    journal.end("FINISHED")
    assert publisher(uri).wait(patience=30) == {}


@pytest.mark.parametrize("turn", range(3))
def test_eight_parallel_first_users_of_a_fresh_store(newcomer, turn):  # noqa: ARG001
    fork = multiprocessing.get_context("fork")  # MLflow is loaded: all eight start at once
    barrier = fork.Barrier(8)
    users = [
        fork.Process(target=_first_use, args=(newcomer.uri, newcomer.folder / str(i), barrier))
        for i in range(8)
    ]
    for user in users:
        user.start()
    for user in users:
        user.join(timeout=PATIENCE)
    assert [user.exitcode for user in users] == [0] * 8
    assert [run.info.status for run in newcomer.runs()] == ["FINISHED"] * 8
