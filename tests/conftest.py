import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from noise_exp.data import Embedded

SMALL = ("network=small", "epochs=6")


class Cli:
    """The command line in a folder of its own, with an empty home folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "HYDRA_"))},
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
        }

    def __call__(self, *arguments: str, env: dict | None = None, **options):
        return subprocess.run(
            [sys.executable, "-m", "noise_exp", *arguments],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder}/mlruns/mlflow.db"


@pytest.fixture
def cli(tmp_path):
    (tmp_path / "home").mkdir()
    return Cli(tmp_path)


@pytest.fixture(scope="session")
def zeros_and_ones():
    images, classes, _ = Embedded([0, 1], 20, 1.0).load()
    images = images.reshape(-1, 784)
    images = np.concatenate([images[classes == 0], images[classes == 1]])
    return images, np.repeat([0, 1], [980, 1135])
