"""What the addresses that we print open in MLflow's UI: all sweeps, or the newest one's runs.

A view is a tag of an experiment, as the UI's "share" button stores it. MLflow leaves out of such a
view which rows are open, so that the newest sweep's runs are shown by a filter, not as a tree.
"""

import json
import shlex
from collections.abc import Sequence

from noise_exp.redaction import masked
from noise_exp.terminal import program
from noise_exp.tracking.places import is_served

SWEEPS, NEWEST = "sweeps", "newest_sweep"
TAG = "mlflow.sharedViewState."
_LOCAL_UI = "http://127.0.0.1:5000"
_TIMES = ("attributes.`Created`", "attributes.`Duration`")


def all_sweeps() -> str:
    """Return the view of all runs, each sweep a row that opens into its runs, the newest first."""
    metrics = ("best_test_error_rate", "median_test_error_rate", "runs", "failed_runs",
               "test_error_rate", "cost", "train_seconds")  # fmt: skip
    columns = ["tags.`best`", *map(_metric, metrics), *map(_param, ("dist", "optimizer", "seed"))]
    return _state(columns, "attributes.start_time", ascending=False)


def of_sweep(run_id: str, swept: Sequence[str], part: str) -> str:
    """Return the view of one sweep's runs, those with the fewest errors first.

    `swept` names what differs between them, `part` the images that the errors are of.
    """
    errors = f"{part}_errors"
    keys = (*swept, "dist", "optimizer", "seed")
    columns = [*map(_metric, (errors, "cost", "train_seconds")), *map(_param, dict.fromkeys(keys))]
    return _state(columns, _metric(errors), True, f"tags.`mlflow.parentRunId` = '{run_id}'")


def opening(uri: str, given: str) -> str:
    """Return what leads to an address of a store: the UI's command, unless a server has one.

    `given` is the store's URI as the user wrote it.
    """
    if is_served(uri):
        return ""
    command = [program("mlflow"), "ui", "--workers", "1", "--backend-store-uri", masked(given)]
    return f"{shlex.join(command)}\n    and open "


def address(uri: str, experiment_id: str, view: str) -> str:
    """Return where the UI of a store shows a view of an experiment."""
    ui = masked(uri).rstrip("/") if is_served(uri) else _LOCAL_UI
    page = f"{ui}/#/experiments/{experiment_id}/runs"
    return f"{page}?viewStateShareKey={view}&workflowType=machine_learning"


def _metric(name: str) -> str:
    return f"metrics.`{name}`"


def _param(name: str) -> str:
    return f"params.`{name}`"


def _state(columns: Sequence[str], order: str, ascending: bool, searched: str = "") -> str:
    return json.dumps(
        {
            "selectedColumns": [*columns, *_TIMES],
            "columnOrder": ["attributes.`Run Name`", *columns, *_TIMES],  # else by the alphabet
            "orderByKey": order,
            "orderByAsc": ascending,
            "searchFilter": searched,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
        }
    )
