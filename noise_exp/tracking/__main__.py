"""What a store did not get in time, delivered; and MLflow's UI, to look at a store.

python -m noise_exp.tracking sync FOLDER...
python -m noise_exp.tracking ui
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import requests

from noise_exp.errors import ReportedError, UserError, at_the_edge
from noise_exp.redaction import masked
from noise_exp.runs.journal import Journal
from noise_exp.runs.secrets import check_arguments, completed
from noise_exp.tracking.failures import reason
from noise_exp.tracking.internals import connect, relocate
from noise_exp.tracking.liveness import settle, silent
from noise_exp.tracking.places import DEFAULT_URI, file_of, is_served, trimmed
from noise_exp.tracking.store import Store

_HANGS_SECONDS = 10.0


def main() -> None:
    """Do what is asked; exit 1 if something is still owed, or the UI has failed."""
    arguments = parser().parse_args()
    with at_the_edge("noise_exp"):
        check_arguments(sys.argv[1:])
        if arguments.command == "sync":
            _sync(arguments.folders, trimmed(arguments.uri))
        else:
            _serve(Store.existing(arguments.uri, arguments.experiment), arguments.port)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m noise_exp.tracking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command", metavar="sync|ui")
    command = commands.add_parser("sync", help="deliver what runs still owe to their store")
    command.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="output folders of runs or sweeps"
    )
    command.add_argument("--uri", help="the store; by default the one each run was begun for")
    look = commands.add_parser("ui", help="serve MLflow's UI on 127.0.0.1, and say where it is")
    look.add_argument("--uri", help=f"the store; by default MLFLOW_TRACKING_URI or {DEFAULT_URI}")
    look.add_argument("--experiment", help="by default MLFLOW_EXPERIMENT_NAME or ours")
    look.add_argument("--port", type=int, default=5000, help="by default 5000; 0: one that is free")
    return parser


def _sync(folders: list[Path], uri: str) -> None:
    records = [path for folder in folders for path in Journal.find(folder)]
    if not records:
        raise UserError(f"no run's record (.noise_exp/run.json) in {', '.join(map(str, folders))}")
    outcomes: dict[Path, str] = {}
    hanging: dict[str, str] = {}
    elsewhere: dict[Path, str] = {}
    for folder in records:
        outcomes[folder], where = _settled(folder, uri, hanging)
        if outcomes[folder] == "elsewhere":
            outcomes[folder], elsewhere[folder] = "alive", where
    for folder in silent(elsewhere):
        outcomes[folder], _ = _settled(folder, uri, hanging, dead=True)
    for folder, outcome in outcomes.items():
        print(f"{folder}: {outcome if outcome != 'nothing' else 'nothing to deliver'}")
    if any(outcome.startswith("still owed") for outcome in outcomes.values()):
        raise ReportedError


def _settled(
    folder: Path, given: str, hanging: dict[str, str], dead: bool = False
) -> tuple[str, str]:
    """Deliver what a run owes; return what came of it, and the store.

    A store that let one run wait in vain, `hanging`, is not asked by the others.
    """
    uri, began = "", time.monotonic()
    try:
        uri = _uri(folder, given)
        return hanging.get(uri) or settle(folder, partial(connect, uri), dead), uri
    except Exception as error:
        outcome = f"still owed: {reason(error)}"
        if time.monotonic() - began > _HANGS_SECONDS:
            hanging[uri] = outcome
        return outcome, uri


def _uri(folder: Path, given: str) -> str:
    """Return the store of the run in a folder, which may need a secret that is not kept."""
    uri = completed(given or Journal.load(folder).owed.uri or "")
    if database := file_of(uri):
        if not database.is_file():  # MLflow would make one
            raise ValueError(f"there is no store {uri}; say where it is now by --uri")
        relocate(uri)
    return uri


def _serve(store: Store, port: int) -> None:
    """Serve the UI on loopback until it is interrupted; of a server's, print the address alone.

    Raises
    ------
    UserError
        If the port is taken.
    ReportedError
        If MLflow's server has ended by itself.
    """
    if is_served(store.uri):
        print(f"{masked(store.uri)} serves its own:\n    {store.newest}")
        return
    port = _free(port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the server would live on
    # One worker: with more, a slow machine's supervisor kills them before they answer. No workers
    # for MLflow's own jobs, of which there are none. The store goes by the environment, as its URI
    # may hold a password.
    own = {"MLFLOW_BACKEND_STORE_URI": store.uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--workers", "1", "--host", "127.0.0.1",
         "--port", str(port), "--uvicorn-opts", "--log-level warning"],
        env=os.environ | own,
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
            raise ReportedError
    with contextlib.suppress(KeyboardInterrupt):
        server.terminate()
        server.wait()


def _free(port: int) -> int:
    """Return the port if it can be listened on, and any such port for 0."""
    try:
        with socket.create_server(("127.0.0.1", port)) as probe:
            return probe.getsockname()[1]
    except (OSError, OverflowError) as error:
        raise UserError(f"port {port} cannot be used ({error}); give --port another") from None


def _answers(address: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        requests.get(f"{address}/health", timeout=1)
        return True  # the port is ours, whatever it says
    return False


if __name__ == "__main__":
    main()
