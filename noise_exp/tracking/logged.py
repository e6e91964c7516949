"""The models that a store holds: fetched, and the best of a sweep tagged."""

import logging
import tempfile
from pathlib import Path

from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

from noise_exp.errors import UserError
from noise_exp.redaction import masked
from noise_exp.tracking.failures import reason
from noise_exp.tracking.model import WEIGHTS, models_of
from noise_exp.tracking.reading import run_of
from noise_exp.tracking.store import FAILURES, Store
from noise_exp.training.trained import Trained

log = logging.getLogger(__name__)


def fetch(store: Store, run_id: str) -> Trained:
    """Return the trained network of a run.

    Raises
    ------
    UserError
        If there is no such run, or it keeps none, or that was deleted or cannot be read.
    """
    run = run_of(store, run_id)
    models = models_of(run)
    if not models:
        raise UserError(
            f"run {run_id} ({run.info.run_name}) keeps no model; a run does that was made with "
            "tracking.model=true, ended, and is no sweep"
        )
    try:
        place = store.client.get_logged_model(models[-1]).artifact_location
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise UserError(
            f"the model of run {run_id} was deleted from the store; train the run again, or give "
            "another"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = download_artifacts(artifact_uri=place, tracking_uri=store.uri, dst_path=folder)
            return Trained.load(Path(path) / WEIGHTS)
        except Exception as error:  # of MLflow, the file system, NumPy or zipfile
            raise UserError(
                f"the model of run {run_id} cannot be read from {masked(place)} "
                f"({reason(error)}); if it is gone, train the run again"
            ) from None


def tag_best(store: Store, run_id: str) -> None:
    """Tag a sweep's best run, and its model if it keeps one; warn where that fails."""
    try:
        store.client.set_tag(run_id, "best", "true")
        for model_id in models_of(store.client.get_run(run_id)):
            store.client.set_logged_model_tags(model_id, {"best": "true"})
    except FAILURES as error:
        log.warning("The best run %s could not be tagged: %s", run_id, reason(error))
