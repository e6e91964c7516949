"""A disk that fills up, or an output folder that turns read-only, in mid-sweep."""

import contextlib
import os
import platform
import sqlite3
import subprocess
import sys

import pytest
from support import PATIENCE

SWEEP = ["-m", "noise_exp", "-m", "dist=glob(*)", "network=small", "epochs=20",
         "hydra.sweep.dir=out"]  # fmt: skip
# The sweep fails on a small disk, then is resumed on the same disk when there is space again.
FULL = """
mount -t tmpfs -o size=2200k tmpfs disk && cd disk
"$@" 2> ../stderr; echo "exit $?"
mount -o remount,size=100m "$PWD"
"$@" resume=true; echo "exit $?"
cp mlruns/mlflow.db ..
"""
READ_ONLY = """
cd disk
(until grep -qs '"status": "FINISHED"' out/3/.noise_exp/run.json; do sleep 0.01; done
chmod a-w out) &
"$@" 2> ../stderr; echo "exit $?"
chmod u+w out
"$@" resume=true; echo "exit $?"
cp mlruns/mlflow.db ..
"""
IN_NAMESPACE = ["unshare", "--map-root-user", "--mount"]
# Root may write to any folder, unless it gives this up.
AS_A_USER = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []


@pytest.mark.skipif(platform.system() != "Linux", reason="needs Linux's namespaces")
@pytest.mark.parametrize(
    ("prefix", "script", "reason"),
    [
        (IN_NAMESPACE, FULL, "No space left on device"),
        (AS_A_USER, READ_ONLY, "Permission denied"),
    ],
)
def test_a_disk_that_fails_in_mid_sweep(cli, prefix, script, reason):
    (cli.folder / "disk").mkdir()
    done = subprocess.run(
        [*prefix, "bash", "-c", script, "bash", sys.executable, *SWEEP],
        cwd=cli.folder, env=cli.env, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert [line for line in done.stdout.splitlines() if line.startswith("exit")] == [
        "exit 1", "exit 0",
    ], done.stdout  # fmt: skip
    errors = (cli.folder / "stderr").read_text()
    assert "Traceback" not in done.stdout + errors
    (message,) = [line for line in errors.splitlines() if line.startswith("noise_exp: ")]
    assert f"cannot be written ({reason}); free some space or choose another folder" in message
    assert "Run what is missing with" in done.stdout
    assert "finished already" in done.stdout
    with contextlib.closing(sqlite3.connect(cli.folder / "mlflow.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    runs = cli.runs("run", uri=f"sqlite:///{cli.folder}/mlflow.db")
    finished = [run for run in runs if run.info.status == "FINISHED"]
    assert len({run.data.params["dist"] for run in finished}) == len(finished) == 14
    assert {run.info.status for run in runs} <= {"FINISHED", "FAILED", "KILLED"}
