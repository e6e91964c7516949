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

SWEEP = ("-m", "dist=glob(*)", "network=small", "epochs=200", "threads=1")
EPOCHS = 200


def costs_by_method(cli):
    """The curves of what is finished, once each."""
    finished = [run for run in cli.runs("run") if run.info.status == "FINISHED"]
    costs = {run.data.params["dist"]: cli.history(run) for run in finished}
    assert len(finished) == len(costs)
    return costs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    cli = Cli(tmp_path_factory.mktemp("undisturbed"))
    started = time.monotonic()
    assert cli.start(*SWEEP).wait() == 0, (cli.folder / "stderr").read_text()
    return costs_by_method(cli), time.monotonic() - started


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]])
def test_a_killed_sweep_is_resumed_to_the_same_bits(newcomer, undisturbed, request, launcher):
    expected, seconds = undisturbed
    rng = np.random.default_rng(len(launcher))
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
    assert costs_by_method(cli) == expected
    assert {len(costs) for costs in expected.values()} == {EPOCHS}
    assert len(expected) == 14
    newest = max(cli.folder.glob("multirun/*/*/comparison.md"), key=lambda p: p.stat().st_mtime)
    assert all(method in newest.read_text() for method in expected)
    with contextlib.closing(sqlite3.connect(cli.folder / "mlruns" / "mlflow.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
