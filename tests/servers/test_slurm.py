"""On a real Slurm the jobs outlive the process that launched them, and a resume takes them up."""

import os
import re
import signal
import subprocess
from urllib.parse import quote

import pytest
from support import holding, wait_until

SECRET = "s3cret/of@all"
SWEEP = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=all", "network=small",
         "epochs=3", "hydra.sweep.dir=out")  # fmt: skip


@pytest.fixture
def queue(cli, slurm):
    """What Slurm still runs or keeps waiting, by the state of each job."""
    cli.env |= slurm

    def states():
        command = ["squeue", "-h", "-r", "-o", "%t"]
        return subprocess.run(
            command, env=cli.env, capture_output=True, text=True, check=True
        ).stdout.split()

    yield states
    subprocess.run(["scancel", "--partition=all"], env=cli.env, check=True)
    wait_until(lambda: not states())


def interrupted(cli, methods):
    """Begin a sweep, interrupt it while its first jobs are held; return its command and words."""
    command = ("-m", *cli.hold(1), *SWEEP, f"dist={methods}")
    running = cli.start(*command)
    for job in "01":  # both that the queue runs at once
        cli.wait_for_epochs(1, job=job)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait() == 1
    assert "Traceback" not in (cli.folder / "stderr").read_text()
    said = (cli.folder / "stdout").read_text()
    assert "does not know" not in said
    assert "The jobs that were submitted go on" in said
    return command, said


def test_jobs_that_go_on_are_taken_up(cli, queue):
    command, _ = interrupted(cli, "gumbel,beta,power")
    assert sorted(queue()) == ["PD", "R", "R"]
    cli.release(1)
    wait_until(lambda: not queue())
    here = [argument for argument in command if "launcher" not in argument]  # which is sooner
    done = cli(*here, "resume=true")
    assert done.returncode == 0, done.stderr
    runs = cli.runs("run")
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert {run.data.params["dist"] for run in runs} == {"gumbel", "beta", "power"}
    assert [run.info.status for run in cli.runs("sweep")] == ["FINISHED", "KILLED"]
    assert "go on" not in done.stdout


def test_jobs_that_are_cancelled_as_advised_are_run_again(cli, queue, postgres):
    cli.env |= postgres
    uri = postgres["MLFLOW_TRACKING_URI"]
    command, said = interrupted(cli, "gumbel,beta")
    wait_until(lambda: len(cli.runs("run", uri)) == 2)
    (cancel,) = re.findall(r"^ +(scancel .*)$", said, re.MULTILINE)
    subprocess.run(cancel.split(), env=cli.env, check=True)
    wait_until(lambda: not queue())
    cli.release(1)
    done = cli(*command, "resume=true")
    assert done.returncode == 0, done.stderr
    statuses = sorted(run.info.status for run in cli.runs("run", uri))
    assert statuses == ["FINISHED", "FINISHED", "KILLED", "KILLED"]
    for secret in (SECRET, quote(SECRET, safe="")):
        assert holding(cli.folder, secret) == []
