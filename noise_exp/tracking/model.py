"""A trained network as an MLflow model of the flavor python_function: described and loaded.

`mlflow.pyfunc.load_model` reads `MLmodel`, finds this module named there, and calls
`_load_pyfunc`; nothing is pickled.
"""

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from noise_exp import __version__
from noise_exp.training.trained import Trained

if TYPE_CHECKING:  # seconds that only who needs them has to spend
    import pandas as pd
    from mlflow.entities import Run

FOLDER = "model"  # among a run's artifacts; the name of the model, so that runs:/ID/model is it
WEIGHTS = "weights.npz"


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


def models_of(run: "Run") -> list[str]:
    """Return the ids of a run's models."""
    return [output.model_id for output in run.outputs.model_outputs] if run.outputs else []
