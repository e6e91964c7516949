"""What tests share: the command line, waiting, building from options, reading the store."""

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from hydra import compose, initialize_config_dir
from mlflow import MlflowClient
from mlflow.entities import Run
from omegaconf import DictConfig

from noise_exp.run.build import build
from noise_exp.run.config import CONF_DIR
from noise_exp.training import Trial

SMALL = ("network=small", "epochs=6")
# Options of dist with the article's letters, written down apart from the program's.
LETTERS = {
    "gumbel": "a", "gaussian": "b", "standard_normal": "c", "binomial": "d", "beta": "e",
    "poisson": "f", "zipf": "g", "pareto": "h", "power": "i", "rayleigh": "j",
    "triangular": "k", "weibull": "l", "noncentral_chisquare": "m", "backprop": "n",
}  # fmt: skip


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something to become true; TimeoutError if it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.05)


def composed(*overrides: str) -> DictConfig:
    """The configuration of a command line."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("config", list(overrides))


def trial(*overrides: str, threads: int = 1) -> Trial:
    """What a command line would train."""
    return build(composed(*overrides), threads)


def artifacts(run: Run) -> Path:
    """The folder of a run's artifacts in a local store."""
    return Path(urlparse(run.info.artifact_uri).path)


def idx_bytes(array: np.ndarray) -> bytes:
    """A file of unsigned bytes in IDX format, after its description alone."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def costs_in(folder: Path) -> list[float | None]:
    """Cost per epoch as a run left it in its folder."""
    return [json.loads(line)["cost"] for line in (folder / ".noise_exp" / "epochs.jsonl").open()]


def jobs_in(folder: Path) -> list[tuple[dict, list[float | None]]]:
    """What the jobs of a sweep left in its folder: their records and costs, by number."""
    records = folder.glob("*/.noise_exp/run.json")
    found = [(json.loads(path.read_text()), costs_in(path.parent.parent)) for path in records]
    return sorted(found, key=lambda record_and_costs: record_and_costs[0]["job"])


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
