"""MLflow's UI on a store: started, and its address told when it answers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import requests

from noise_exp.errors import ToldError, UserError
from noise_exp.redaction import masked
from noise_exp.tracking.places import is_served
from noise_exp.tracking.store import Store


def serve(uri: str | None, experiment: str | None, port: int) -> None:
    """Serve the UI on loopback until it is interrupted.

    Parameters
    ----------
    uri, experiment
        The store, as of `Store.existing`; of a server's the address alone is told.
    port
        Where to listen; 0 for any that is free.

    Raises
    ------
    UserError
        If there is no such store, or the port is taken.
    ToldError
        If MLflow's server has ended by itself.
    """
    store = Store.existing(uri, experiment)
    if is_served(store.uri):
        print(f"{masked(store.uri)} serves its own:\n    {store.newest}")
        return
    port = _free(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would live on
    # One worker: with more, a slow machine's supervisor kills them before they answer. No workers
    # for MLflow's own jobs, of which there are none. The store goes by the environment, as its URI
    # may hold a password.
    told = {"MLFLOW_BACKEND_STORE_URI": store.uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", "127.0.0.1",
         "--port", str(port), "--uvicorn-opts", "--log-level warning"],
        env=os.environ | told,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    print(f"MLflow's UI is starting on {address}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while server.poll() is None and not _answers(address):
            time.sleep(0.1)
        if server.poll() is None:
            page = store.newest.rpartition("/#/")[2]
            print(f"It answers (Ctrl-C ends it):\n    {address}/#/{page}", flush=True)
        if server.wait():
            raise ToldError
    with contextlib.suppress(KeyboardInterrupt):
        server.terminate()
        server.wait()


def _free(port: int) -> int:
    """Return the port if it can be listened on, and any such port for 0."""
    try:
        with socket.create_server(("127.0.0.1", port)) as probe:
            return probe.getsockname()[1]
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"port {port} cannot be used ({why}); give --port another") from None


def _answers(address: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        requests.get(f"{address}/health", timeout=1)
        return True  # the port is ours, whatever it says
    return False
