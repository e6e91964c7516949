"""Which runs have the same result: a digest of all that decides it."""

import hashlib
import inspect
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from noise_exp import training
from noise_exp.run import build
from noise_exp.training.trial import Trial


def fingerprint(cfg: DictConfig, trial: Trial) -> str:
    """Return a digest of configuration, data and source code, of the user's own parts too."""
    parts = ["optimizer"] + (["estimator"] if trial.law else [])
    groups = ["dist", "seeds", "network", *parts]
    science: dict[str, Any] = {
        group: OmegaConf.to_container(cfg[group], resolve=True) for group in groups
    }
    science |= {key: cfg[key] for key in ("epochs", "forward_passes", "batch_size")}
    science |= {key: cfg[key].value for key in ("cost", "dtype", "stream")}
    split = trial.split
    science["data"] = [
        split.digest, split.validation, len(split.test_labels), len(split.train_labels)
    ]  # fmt: skip
    targets = [cfg[part]["_target_"] for part in (*parts, "data")]
    science["source"] = [source_digest(), *map(_foreign_source, targets)]
    return hashlib.sha256(json.dumps(science, sort_keys=True).encode()).hexdigest()[:16]


@cache
def source_digest() -> str:
    """Return a digest of the source code that computes results: training, and what builds it."""
    return digest_of(Path(str(training.__file__)).parent, Path(str(build.__file__)))


def digest_of(folder: Path, *files: Path) -> str:
    """Return a digest of the Python files in a folder and below, and of other files."""
    digest = hashlib.sha256(np.__version__.encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _foreign_source(target: str) -> str | None:
    """Return the digest of the file that defines a part of the user's own; None for ours."""
    cls = get_class(target)
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return None
    path = inspect.getsourcefile(cls)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else None
