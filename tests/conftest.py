import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from noise_exp.data import Embedded

SMALL = ("network=small", "epochs=6")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=4, help="how often test_kill.py kills a sweep")


class Cli:
    """The command line in a folder of its own, with an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "HYDRA_"))},
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
        }

    def __call__(
        self, *arguments: str, env: dict | None = None, module: str = "noise_exp", **options
    ):
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start the command in a process group of its own, its output in the folder."""
        with (self.folder / "stdout").open("a") as out, (self.folder / "stderr").open("a") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "noise_exp", *arguments],
                cwd=self.folder, env=self.env, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder}/mlruns/mlflow.db"

    def runs(self, kind: str = "", uri: str | None = None) -> list[Run]:
        """All runs in the store, or those of a kind, the newest first."""
        client = MlflowClient(uri or self.uri)
        experiment = client.get_experiment_by_name("noise_training")
        found = client.search_runs([experiment.experiment_id])
        return [run for run in found if kind in ("", run.data.tags["kind"])]

    def history(self, run: Run, key: str = "cost", uri: str | None = None) -> list[float]:
        """A metric's values by epoch; each epoch must be there once."""
        metrics = MlflowClient(uri or self.uri).get_metric_history(run.info.run_id, key)
        assert [m.step for m in metrics] == list(range(len(metrics)))
        return [m.value for m in metrics]


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def zeros_and_ones():
    images, classes, _ = Embedded([0, 1], 20, 1.0).load()
    images = images.reshape(-1, 784)
    images = np.concatenate([images[classes == 0], images[classes == 1]])
    return images, np.repeat([0, 1], [980, 1135])
