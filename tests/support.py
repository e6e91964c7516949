"""What tests share: the command line, waiting, options and what is built of them, reading."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
from article_port import METHODS
from hydra import compose, initialize_config_dir
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from numpy.typing import DTypeLike
from omegaconf import DictConfig, OmegaConf
from warm import Warm

from noise_exp.job.config import CONF_DIR
from noise_exp.job.describe import trial_of
from noise_exp.training import Distribution, Split, Trial
from noise_exp.training.data import Data

ROOT = Path(__file__).parents[1]
_WARM = Warm()
# Seconds until a wait is given up: far more than anything takes, for nothing that works is to fail
# on a slow or busy machine.
PATIENCE = 600
# What a system has not is not tried there: signals, fork, shells, their paths.
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
SMALL = ("network=small", "epochs=6")
# Options of dist with the article's letters, written down apart from the program's.
LETTERS = dict(zip(METHODS, "abcdefghijklmn", strict=True))


def wait_until(
    true: Callable[[], object], by: subprocess.Popen | None = None, said: Path | None = None
) -> None:
    """Wait for something to become true, by a process that says what it says into a file.

    TimeoutError if it does not; ChildProcessError as soon as the process has ended without it.
    """
    deadline = time.monotonic() + PATIENCE
    while not true():
        # What ends may have made it true just before.
        if by and by.poll() is not None and not true():
            words = said.read_text() if said else ""
            raise ChildProcessError(f"{by.args} ended with {by.returncode}: {words}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE} s")
        time.sleep(0.05)


def python(*arguments: str | Path, **options) -> str:
    """Run Python to its end, which must be a good one; return what it said."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False,
        **options,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def composed(*overrides: str) -> DictConfig:
    """The configuration of a command line."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return compose("config", list(overrides))


def trial(*overrides: str, threads: int = 1) -> Trial:
    """What a command line would train."""
    return trial_of(overrides, threads)


def split(source: Data, seed: int = 0, dtype: DTypeLike = np.float64) -> Split:
    """The images of a data option, shuffled by a seed of their own."""
    return source.split(np.random.default_rng(seed).permutation, dtype)


def options(group: str) -> list[str]:
    """The names of a group's options."""
    return sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))


def distribution_of(option: str, **changes: object) -> Distribution:
    """The distribution of an option of dist, some of its parameters changed."""
    keys = OmegaConf.to_container(OmegaConf.load(CONF_DIR / "dist" / f"{option}.yaml"))
    return Distribution(keys.pop("sampler"), **{**keys, **changes})


def holding(folder: Path, text: str) -> list[Path]:
    """What holds a text below a folder, in its name or in its content."""
    return [
        path
        for path in folder.rglob("*")
        if text in path.name or (path.is_file() and text.encode() in path.read_bytes())
    ]


def artifacts(run: Run) -> Path:
    """The folder of a run's artifacts in a local store."""
    return Path(urlparse(run.info.artifact_uri).path)


def idx_bytes(array: np.ndarray, kind: str = "u1") -> bytes:
    """A file of integers in IDX format, after its description alone."""
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12}[kind]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(f">{kind}").tobytes()


def most_mebibytes() -> float:
    """The most memory that this process has held.

    On Linux `getrusage` would start with what the parent held when it made this process.
    """
    if sys.platform == "linux":
        (kibibytes,) = re.findall(
            r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.M
        )
        return int(kibibytes) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def costs_in(folder: Path) -> list[float | None]:
    """Cost per epoch as a run left it in its folder."""
    return [json.loads(line)["cost"] for line in (folder / ".noise_exp" / "epochs.jsonl").open()]


def jobs_in(folder: Path) -> list[tuple[dict, list[float | None]]]:
    """What the jobs of a sweep left in its folder: their records and costs, by number."""
    records = folder.glob("*/.noise_exp/run.json")
    found = [(json.loads(path.read_text()), costs_in(path.parent.parent)) for path in records]
    return sorted(found, key=lambda record_and_costs: record_and_costs[0]["job"])


def table_rows(table: str) -> list[list[str]]:
    """The cells of a table in Markdown, its head and the line below it first."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


@cache
def empty_store() -> bytes:
    """A store of MLflow's with its tables and nothing in them, which take it seconds to make."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "mlflow.db")
        SqlAlchemyStore(f"sqlite:///{database}", f"{folder}/artifacts").engine.dispose()
        return database.read_bytes()


class Cli:
    """The command line in a folder of its own, with an empty home folder.

    `store`: begin with an empty one; else the first command makes it.
    """

    def __init__(self, folder: Path, store: bool = True) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen] = []
        (folder / "home").mkdir(exist_ok=True)
        if store:
            (folder / "mlruns").mkdir(exist_ok=True)
            (folder / "mlruns" / "mlflow.db").write_bytes(empty_store())
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "HYDRA_"))},
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "home" / ".cache"),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
        }

    def __call__(
        self, *arguments: str, env: dict | None = None, module: str = "noise_exp", **options
    ):
        env = {**self.env, **(env or {})}
        if not options and _WARM.serves(env):
            return _WARM.run(module, arguments, self.folder, env, timeout=PATIENCE)
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False,
            **options,
        )  # fmt: skip

    def ok(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Run a command that must succeed."""
        done = self(*arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start the command in a process group of its own, its output in the folder."""
        with (self.folder / "stdout").open("a") as out, (self.folder / "stderr").open("a") as err:
            running = subprocess.Popen(
                [sys.executable, "-m", "noise_exp", *arguments],
                cwd=self.folder, env=self.env, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        self._started.append(running)
        return running

    def close(self) -> None:
        """Kill what was started and still runs, as it does where a test has failed."""
        for running in self._started:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()

    def own_option(self, group: str, name: str, text: str) -> Path:
        """Write an option of the user's own, which --config-dir=my finds; return its file."""
        path = self.folder / "my" / group / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def own_part(
        self, group: str, name: str, body: str, settings: str = "", before: str = ""
    ) -> None:
        """Write a class of the user's own, `name.Name`, and the option that names it."""
        self.own_option(group, name, f"_target_: {name}.{name.title()}\n{settings}")
        head = f"{before}import dataclasses\n@dataclasses.dataclass\nclass {name.title()}:\n"
        (self.folder / f"{name}.py").write_text(head + textwrap.indent(body, "    ") + "\n")

    def hold(self, *epochs: int) -> tuple[str, ...]:
        """Return the arguments of training that stops in these epochs until they are released."""
        self.own_part(
            "optimizer", "held",
            "def step(self, parameters, direction, moment):\n"
            "    parameters += 1e-4 * direction\n"
            "    hold = pathlib.Path(__file__).with_name(f'hold-{moment.epoch}')\n"
            "    while hold.exists(): time.sleep(0.01)",
            before="import pathlib, time\n",
        )  # fmt: skip
        for epoch in epochs:
            (self.folder / f"hold-{epoch}").touch()
        return "--config-dir=my", "optimizer=held"

    def release(self, epoch: int) -> None:
        """Let training go on."""
        (self.folder / f"hold-{epoch}").unlink()

    def wait_for_epochs(self, number: int, job: str = "") -> None:
        """Wait until the run in the folder out, or a job of the sweep there, has come so far."""
        lines = self.folder / "out" / job / ".noise_exp" / "epochs.jsonl"
        self.wait_until(lambda: lines.exists() and lines.read_bytes().count(b"\n") >= number)

    def wait_until(self, true: Callable[[], object]) -> None:
        """Wait for what the command does that was started last."""
        wait_until(true, self._started[-1], self.folder / "stderr")

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
