"""A trained network as an MLflow model of the flavor python_function: described, loaded, fetched.

`mlflow.pyfunc.load_model` reads `MLmodel`, finds this module named there, and calls
`_load_pyfunc`; nothing is pickled.
"""

import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise_exp import __version__
from noise_exp.errors import UserError
from noise_exp.training.trained import Trained

if TYPE_CHECKING:  # seconds that only who needs them has to spend
    import pandas as pd
    from mlflow.entities import Run

    from noise_exp.tracking.store import Store

FOLDER = "model"  # among a run's artifacts; the name of the model, so that runs:/ID/model is it
WEIGHTS = "weights.npz"


def description(trained: Trained) -> dict[str, bytes]:
    """Return the files that make weights an MLflow model, by name.

    What goes in has no signature: MLflow would cast it to one type and demand one shape.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    label = ColSpec("string" if trained.names else "long", "label")
    outputs = Schema([label, *(ColSpec("double", name) for name in _columns(trained))])
    model = Model(signature=ModelSignature(outputs=outputs))
    model.add_flavor(
        "python_function",
        loader_module=__name__,
        data=WEIGHTS,
        python_version=platform.python_version(),
    )
    needed = f"noise-exp=={__version__}\n"
    return {"MLmodel": model.to_yaml().encode(), "requirements.txt": needed.encode()}


class _Model:
    """What MLflow calls: pixels in, a table out."""

    def __init__(self, trained: Trained) -> None:
        self._trained = trained

    def predict(self, images: Any) -> "pd.DataFrame":
        """Return a row per image: its label, and the probability of each class under its name.

        Raises
        ------
        mlflow.exceptions.MlflowException
            If the images are not like those of training; a server answers 400.
        """
        import pandas as pd
        from mlflow.exceptions import MlflowException

        try:
            labels, probabilities = self._trained.predict(images)
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        table = pd.DataFrame(probabilities.astype(float), columns=_columns(self._trained))
        table.insert(0, "label", self._trained.called(labels))
        return table


def _columns(trained: Trained) -> list[str]:
    return trained.called(trained.classes).astype(str).tolist()


def _load_pyfunc(path: str) -> _Model:
    return _Model(Trained.load(Path(path)))


def models_of(run: "Run") -> list[str]:
    """Return the ids of a run's models."""
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []


def fetch(store: "Store", run_id: str) -> Trained:
    """Return the trained network of a run.

    Raises
    ------
    UserError
        If it keeps none, or that was deleted or cannot be read.
    """
    from mlflow.artifacts import download_artifacts

    from noise_exp.tracking.failures import reason

    run = store.client.get_run(run_id)
    models = models_of(run)
    if not models:
        raise UserError(
            f"run {run_id} ({run.info.run_name}) keeps no model; a run does that was made with "
            "tracking.model=true, ended, and is no sweep"
        )
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = store.client.get_logged_model(models[-1]).artifact_location
            path = download_artifacts(artifact_uri=place, tracking_uri=store.uri, dst_path=folder)
            return Trained.load(Path(path) / WEIGHTS)
        except Exception as error:  # of MLflow, the file system, NumPy or zipfile
            raise UserError(
                f"the model of run {run_id} cannot be read ({reason(error)}); if it is gone, train "
                "the run again"
            ) from None
