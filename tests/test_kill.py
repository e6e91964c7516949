"""A sweep is killed with SIGKILL again and again, and resumed until it is done.

python -m pytest tests/test_kill.py --kills=20
"""

import contextlib
import os
import signal
import sqlite3
import time

import numpy as np
import pytest
from conftest import Cli

SWEEP = ("-m", "dist=glob(*)", "network=small", "epochs=200", "threads=1")
EPOCHS = 200


def costs_by_method(cli):
    return {run.data.params["dist"]: cli.history(run) for run in cli.runs("run")
            if run.info.status == "FINISHED"}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "home").mkdir()
    cli = Cli(folder)
    started = time.monotonic()
    done = cli(*SWEEP)
    assert done.returncode == 0, done.stderr
    return costs_by_method(cli), time.monotonic() - started


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_sweep_is_resumed_to_the_same_bits(cli, undisturbed, request, jobs):
    expected, seconds = undisturbed
    launcher = [] if jobs == 1 else ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}"]
    rng = np.random.default_rng(jobs)
    kills = request.config.getoption("kills")
    while kills:
        running = cli.start(*SWEEP, *launcher, "resume=true")
        with contextlib.suppress(Exception):
            running.wait(rng.uniform(0, seconds))
        # The whole group is a machine that lost power; the launching process alone takes its
        # workers with it a moment later.
        whole = rng.random() < 0.7
        if running.poll() is None:
            (os.killpg if whole else os.kill)(running.pid, signal.SIGKILL)
            kills -= 1
        running.wait()
    done = cli(*SWEEP, *launcher, "resume=true")
    assert done.returncode == 0, done.stderr
    with pytest.raises(ProcessLookupError):  # nothing of the last sweep that was killed is left
        os.killpg(running.pid, 0)

    runs = cli.runs()
    assert {run.info.status for run in runs} <= {"FINISHED", "KILLED"}
    finished = [r for r in cli.runs("run") if r.info.status == "FINISHED"]
    assert len(finished) == len({r.data.tags["fingerprint"] for r in finished}) == 14
    assert all(len(cli.history(r, "train_error_rate")) == EPOCHS for r in finished)
    assert costs_by_method(cli) == expected
    for method in expected:  # the last sweep's comparison holds them all
        assert method in done.stdout
    with contextlib.closing(sqlite3.connect(cli.folder / "mlruns" / "mlflow.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
