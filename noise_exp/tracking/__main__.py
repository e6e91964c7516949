"""`python -m noise_exp.tracking sync FOLDER...`: deliver what a store was not told in time."""

import argparse
import os
import sys
from pathlib import Path

from noise_exp.records.journal import Journal
from noise_exp.tracking import reason, sync


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
    found = [f for folder in arguments.folders for f in Journal.find(folder)]
    if not found:
        sys.exit(
            f"noise_exp: no run's record (run.json) in {', '.join(map(str, arguments.folders))}"
        )
    outcomes = []
    for folder in found:
        try:
            uri = Journal.load(folder).facts.uri or ""
            given = arguments.uri or os.environ.get("MLFLOW_TRACKING_URI")
            if ":***@" in uri:  # its password is not kept
                if not given:
                    raise ValueError(f"give the store's password: --uri {uri}")
                uri = given
            outcome = sync(folder, arguments.uri or uri)
        except Exception as error:
            outcome = f"still owed: {reason(error)}"
        outcomes.append(outcome)
        print(f"{folder}: {outcome if outcome != 'nothing' else 'nothing to deliver'}")
    if any(outcome.startswith("still owed") for outcome in outcomes):
        sys.exit(1)


main()
