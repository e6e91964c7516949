"""`python -m noise_exp.tracking sync FOLDER...`: deliver what a store was not told in time."""

import argparse
import os
from pathlib import Path

from noise_exp.errors import ToldError, UserError, at_the_edge
from noise_exp.records import secrets
from noise_exp.records.journal import Journal
from noise_exp.tracking.delivery import reason, sync
from noise_exp.tracking.moved import mend
from noise_exp.tracking.places import SQLITE


def main() -> None:
    """Deliver every record in and below the folders; exit 1 if something is still owed."""
    parser = argparse.ArgumentParser(prog="python -m noise_exp.tracking", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="sync")
    command = commands.add_parser("sync", help="deliver what runs still owe to their store")
    command.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="output folders of runs or sweeps"
    )
    command.add_argument("--uri", help="the store; by default the one each run was begun for")
    arguments = parser.parse_args()
    with at_the_edge("noise_exp"):
        _sync(arguments.folders, arguments.uri)


def _sync(folders: list[Path], uri: str | None) -> None:
    records = [path for folder in folders for path in Journal.find(folder)]
    if not records:
        raise UserError(f"no run's record (.noise_exp/run.json) in {', '.join(map(str, folders))}")
    outcomes = []
    for folder in records:
        try:
            outcome = sync(folder, _uri(folder, uri))
        except Exception as error:
            outcome = f"still owed: {reason(error)}"
        outcomes.append(outcome)
        print(f"{folder}: {outcome if outcome != 'nothing' else 'nothing to deliver'}")
    if any(outcome.startswith("still owed") for outcome in outcomes):
        raise ToldError


def _uri(folder: Path, given: str | None) -> str:
    """Return the store of the run in a folder, which may need a secret that is not kept."""
    known = Journal.load(folder).facts.uri or ""
    if given or secrets.HIDDEN not in known:
        uri = given or known
        if uri.startswith(SQLITE):
            if not Path(uri.removeprefix(SQLITE)).expanduser().is_file():  # MLflow would make one
                raise ValueError(f"there is no store {uri}; say where it is now by --uri")
            mend(uri)
        return secrets.encoded(uri)
    whole = os.environ.get("MLFLOW_TRACKING_URI")
    if not whole:
        raise ValueError(f"set MLFLOW_TRACKING_URI to the whole of {known}, with its secret")
    return secrets.encoded(whole)


main()
