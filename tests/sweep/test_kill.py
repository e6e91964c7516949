"""A sweep is killed with SIGKILL again and again, and resumed until it is done.

python -m pytest tests/sweep/test_kill.py --kills=20
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time

import numpy as np
import pytest
from support import Cli, wait_until

SWEEP = ("-m", "dist=glob(*)", "network=small", "epochs=500", "threads=1")
EPOCHS = 500


def costs_by_method(cli):
    return {run.data.params["dist"]: cli.history(run) for run in cli.runs("run")
            if run.info.status == "FINISHED"}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    cli = Cli(folder)
    started = time.monotonic()
    assert cli.start(*SWEEP).wait() == 0, (folder / "stderr").read_text()
    return costs_by_method(cli), time.monotonic() - started


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_sweep_is_resumed_to_the_same_bits(newcomer, undisturbed, request, jobs):
    expected, seconds = undisturbed
    launcher = [] if jobs == 1 else ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={jobs}"]
    rng = np.random.default_rng(jobs)
    kills = request.config.getoption("kills")
    groups = []
    while True:
        running = newcomer.start(*SWEEP, *launcher, "resume=true")
        groups.append(running.pid)
        try:
            code = running.wait(rng.uniform(0, seconds) if kills else None)
        except subprocess.TimeoutExpired:
            # The whole group is a machine that lost power; the launching process alone takes its
            # workers with it a moment later.
            (os.killpg if rng.random() < 0.7 else os.kill)(running.pid, signal.SIGKILL)
            running.wait()
            kills -= 1
            continue
        assert code == 0, (newcomer.folder / "stderr").read_text()
        check(newcomer, expected)
        if not kills:
            break
        for name in ("mlruns", "multirun"):  # the next kills meet a new sweep
            shutil.rmtree(newcomer.folder / name)
    wait_until(lambda: not any(map(is_alive, groups)))


def is_alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def check(cli, expected):
    """All fourteen are finished once, nothing runs, and every bit is the undisturbed sweep's."""
    assert {run.info.status for run in cli.runs()} <= {"FINISHED", "KILLED"}
    finished = [r for r in cli.runs("run") if r.info.status == "FINISHED"]
    assert len(finished) == len({r.data.tags["fingerprint"] for r in finished}) == 14
    assert all(len(cli.history(r, "train_error_rate")) == EPOCHS for r in finished)
    assert costs_by_method(cli) == expected
    newest = max(cli.folder.glob("multirun/*/*/comparison.md"), key=lambda p: p.stat().st_mtime)
    assert all(method in newest.read_text() for method in expected)
    with contextlib.closing(sqlite3.connect(cli.folder / "mlruns" / "mlflow.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
