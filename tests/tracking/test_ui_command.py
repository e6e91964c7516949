"""`python -m noise_exp.tracking ui` where it cannot serve; tests/test_ui.py sees what it serves."""

import socket
import subprocess
import sys

from server import free_port, listens
from support import PATIENCE, wait_until

UI = "noise_exp.tracking"


def test_without_a_store(newcomer):
    done = newcomer("ui", module=UI)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("noise_exp: there is no store sqlite:///mlruns/mlflow.db here")
    assert not (newcomer.folder / "mlruns").exists()


def test_a_port_that_cannot_be_used(cli):
    assert cli("data=xor", "network=small", "epochs=1").returncode == 0
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        for port in (other.getsockname()[1], 99999, -1):
            done = cli("ui", f"--port={port}", module=UI)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"noise_exp: port {port} cannot be used")
            assert line.endswith("give --port another")


def test_the_server_ends_with_the_command(cli):
    assert cli("data=xor", "network=small", "epochs=1").returncode == 0
    port = free_port()
    command = [sys.executable, "-m", UI, "ui", "--port", str(port)]
    running = subprocess.Popen(command, cwd=cli.folder, env=cli.env, stdout=subprocess.DEVNULL)
    wait_until(lambda: listens(port), running)
    running.terminate()
    assert running.wait(PATIENCE) == 0
    wait_until(lambda: not listens(port))
