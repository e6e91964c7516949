"""What a store was not told in time, delivered; and MLflow's UI, to look at a store.

python -m noise_exp.tracking sync FOLDER...
python -m noise_exp.tracking ui
"""

import argparse
import sys
import time
from pathlib import Path

from noise_exp.errors import ToldError, UserError, at_the_edge
from noise_exp.records.journal import Journal
from noise_exp.records.secrets import check_arguments, completed
from noise_exp.tracking.failures import reason
from noise_exp.tracking.living import silent, sync
from noise_exp.tracking.moved import mend
from noise_exp.tracking.places import DEFAULT_URI, file_of, trimmed
from noise_exp.tracking.ui import serve

_HANGS_SECONDS = 10.0


def main() -> None:
    """Do what is asked; exit 1 if something is still owed, or the UI has failed."""
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
    arguments = parser.parse_args()
    with at_the_edge("noise_exp"):
        check_arguments(sys.argv[1:])
        if arguments.command == "sync":
            _sync(arguments.folders, trimmed(arguments.uri))
        else:
            serve(arguments.uri, arguments.experiment, arguments.port)


def _sync(folders: list[Path], uri: str) -> None:
    records = [path for folder in folders for path in Journal.find(folder)]
    if not records:
        raise UserError(f"no run's record (.noise_exp/run.json) in {', '.join(map(str, folders))}")
    outcomes: dict[Path, str] = {}
    hanging: dict[str, str] = {}
    elsewhere: dict[str, list[Path]] = {}
    for folder in records:
        outcomes[folder], where = _settled(folder, uri, hanging)
        if outcomes[folder] == "elsewhere":
            elsewhere.setdefault(where, []).append(folder)
    for where, those in elsewhere.items():
        outcomes |= dict.fromkeys(those, "alive")
        for folder in silent(those, where):
            outcomes[folder], _ = _settled(folder, uri, hanging, dead=True)
    for folder, outcome in outcomes.items():
        print(f"{folder}: {outcome if outcome != 'nothing' else 'nothing to deliver'}")
    if any(outcome.startswith("still owed") for outcome in outcomes.values()):
        raise ToldError


def _settled(
    folder: Path, given: str, hanging: dict[str, str], dead: bool = False
) -> tuple[str, str]:
    """Deliver what a run owes; return what came of it, and the store.

    A store that let one run wait in vain, `hanging`, is not asked by the others.
    """
    uri, began = "", time.monotonic()
    try:
        uri = _uri(folder, given)
        return hanging.get(uri) or sync(folder, uri, dead), uri
    except Exception as error:
        outcome = f"still owed: {reason(error)}"
        if time.monotonic() - began > _HANGS_SECONDS:
            hanging[uri] = outcome
        return outcome, uri


def _uri(folder: Path, given: str) -> str:
    """Return the store of the run in a folder, which may need a secret that is not kept."""
    uri = completed(given or Journal.load(folder).facts.uri or "")
    if database := file_of(uri):
        if not database.is_file():  # MLflow would make one
            raise ValueError(f"there is no store {uri}; say where it is now by --uri")
        mend(uri)
    return uri


main()
