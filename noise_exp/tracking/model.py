"""A trained network as an MLflow model of the flavor python_function: described, loaded, fetched.

`mlflow.pyfunc.load_model` reads `MLmodel`, finds this module named there, and calls
`_load_pyfunc`; nothing is pickled.
"""

import json
import logging
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from noise_exp import __version__
from noise_exp.errors import UserError
from noise_exp.records.secrets import masked
from noise_exp.training.trained import Trained

if TYPE_CHECKING:  # each costs more than a second
    import pandas as pd

    from noise_exp.tracking.store import Store

FOLDER = "model"  # among a run's artifacts; the name of the model, so that runs:/ID/model is it
WEIGHTS = "weights.npz"

log = logging.getLogger(__name__)


def description(trained: Trained, pixel_dtype: str) -> dict[str, bytes]:
    """Return the files that make weights an MLflow model, by name.

    `pixel_dtype`: of the pixels that are given to it.
    """
    pixels = {"dtype": pixel_dtype, "shape": [-1, trained.network.sizes[0]]}
    columns = [{"type": "long", "name": "label", "required": True}]
    columns += [{"type": "double", "name": str(c), "required": True} for c in trained.classes]
    model = {
        "flavors": {
            "python_function": {
                "loader_module": __name__,
                "data": WEIGHTS,
                "python_version": platform.python_version(),
            }
        },
        "mlflow_version": version("mlflow"),
        "signature": {
            "inputs": json.dumps([{"type": "tensor", "tensor-spec": pixels}]),
            "outputs": json.dumps(columns),
        },
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    needed = f"noise-exp=={__version__}\n"
    return {"MLmodel": yaml.safe_dump(model).encode(), "requirements.txt": needed.encode()}


class _Model:
    """What MLflow calls: pixels in, a table out."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained

    def predict(self, images: np.ndarray) -> "pd.DataFrame":
        """Return a row per image: its label, and the probability of each class under its name."""
        import pandas as pd

        labels, probabilities = self._trained.predict(images)
        table = pd.DataFrame(probabilities.astype(float), columns=self._trained.classes.astype(str))
        table.insert(0, "label", labels)
        return table


def _load_pyfunc(path: str) -> _Model:
    return _Model(Trained.load(Path(path)))


def fetch(store: "Store", run_id: str) -> Trained:
    """Return the trained network of a run.

    Raises
    ------
    UserError
        If there is no such run, or it keeps none.
    """
    from mlflow.exceptions import MlflowException

    try:
        run = store.client.get_run(run_id)
    except MlflowException:
        where = masked(store.uri)
        raise UserError(f"there is no run {run_id} in {where}; the UI shows a run's id") from None
    models = run.outputs.model_outputs if run.outputs else []
    if not models:
        raise UserError(
            f"run {run_id} ({run.info.run_name}) keeps no model; a run does that was made with "
            "tracking.model=true, ended, and is no sweep"
        )
    with tempfile.TemporaryDirectory() as folder:
        from mlflow.artifacts import download_artifacts

        place = store.client.get_logged_model(models[-1].model_id).artifact_location
        path = download_artifacts(artifact_uri=place, tracking_uri=store.uri, dst_path=folder)
        return Trained.load(Path(path) / WEIGHTS)


def tag_best(store: "Store", run_id: str) -> None:
    """Tag a sweep's best run, and its model if it keeps one; warn where that fails."""
    from noise_exp.tracking.delivery import reason
    from noise_exp.tracking.store import FAILURES

    try:
        store.client.set_tag(run_id, "best", "true")
        outputs = store.client.get_run(run_id).outputs
        for output in outputs.model_outputs if outputs else []:
            store.client.set_logged_model_tags(output.model_id, {"best": "true"})
    except FAILURES as error:
        log.warning("The best run %s could not be tagged: %s", run_id, reason(error))
