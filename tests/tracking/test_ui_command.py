"""`python -m noise_exp.tracking ui` where it cannot serve; tests/test_ui.py sees what it serves."""

import re
import socket
import subprocess
import sys

import requests
from server import listens
from support import PATIENCE, wait_until

UI = "noise_exp.tracking"


def test_without_a_store(newcomer):
    done = newcomer("ui", module=UI)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("noise_exp: there is no store sqlite:///mlruns/mlflow.db here")
    assert not (newcomer.folder / "mlruns").exists()


def test_a_port_that_cannot_be_used(cli):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        for port in (other.getsockname()[1], 99999, -1):
            done = cli("ui", f"--port={port}", module=UI)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"noise_exp: port {port} cannot be used")
            assert line.endswith("give --port another")


def test_any_free_port_behind_a_proxy_and_its_end(cli):
    kept = {k: v for k, v in cli.env.items() if k.lower() != "no_proxy"}
    dead = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")
    log = cli.folder / "ui.log"
    with log.open("w") as out:
        running = subprocess.Popen(
            [sys.executable, "-m", UI, "ui", "--port=0"],
            cwd=cli.folder,
            env=kept | dead,
            stdout=out,
        )
    try:
        wait_until(lambda: "/#/" in log.read_text(), running, log)
        address, page = re.findall(r"http://127\.0\.0\.1:\S+", log.read_text())
        assert page.startswith(f"{address}/#/")
        assert "mlflow" in requests.get(page, timeout=PATIENCE).text.lower()
    finally:
        running.terminate()
        assert running.wait(PATIENCE) == 0
    wait_until(lambda: not listens(int(address.rpartition(":")[2])))
