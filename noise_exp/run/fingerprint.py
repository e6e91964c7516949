"""Which runs have the same result: a digest of all that decides it."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from threadpoolctl import threadpool_info

from noise_exp import training
from noise_exp.run import build
from noise_exp.run.own_code import digest_behind
from noise_exp.run.typed import class_of
from noise_exp.training.trial import Trial

VERSION = 2
"""Of what a fingerprint is made of; the first had the pixels' scale in the data's digest alone."""


def fingerprint(cfg: DictConfig, trial: Trial) -> str:
    """Return a digest of configuration, data, kernel and code, of the user's own parts too.

    It begins with its version.
    """
    parts = ["optimizer"] + (["estimator"] if trial.law else [])
    groups = ["dist", "seeds", "network", *parts]
    science: dict[str, Any] = {
        group: OmegaConf.to_container(cfg[group], resolve=True) for group in groups
    }
    science |= {key: cfg[key] for key in (*build.BUDGETS, "batch_size")}
    science |= {key: cfg[key].value for key in ("cost", "score", "dtype", "stream")}
    split = trial.split
    if trial.law:
        science["noise_transform"] = cfg.noise_transform.value
    science["data"] = [
        split.digest, float(split.pixel_divisor), split.validation,
        len(split.test_labels), len(split.train_labels),
    ]  # fmt: skip
    science["kernel"] = kernel()
    named = [cfg[part].get("_target_") for part in (*parts, "data", "dist")]
    targets = [target for target in named if target]  # a law of NumPy's has none
    science["source"] = [source_digest(), *map(_foreign_source, targets)]
    digest = hashlib.sha256(json.dumps(science, sort_keys=True).encode()).hexdigest()[:16]
    return f"{VERSION}-{digest}"


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


@cache
def kernel() -> str:
    """Return what rounds the last digits on this machine: the BLAS's kernel, NumPy's vector code.

    OpenBLAS picks its kernel for the processor as it is loaded, NumPy its vector instructions;
    products of matrices, and functions such as arctan, have other last bits with others.
    """
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    blas: dict[str, Any] = min(libraries, key=_not_numpys, default={})
    name = [blas.get("internal_api", "unknown BLAS"), blas.get("version"), blas.get("architecture")]
    simd = (np.show_config(mode="dicts") or {}).get("SIMD Extensions", {})
    levels = [*simd.get("baseline", ()), *simd.get("found", ())]
    return f"{' '.join(filter(None, name))}, NumPy {levels[-1] if levels else 'without SIMD'}"


def _not_numpys(library: dict[str, Any]) -> tuple[bool, str]:
    """Order libraries: SciPy may bring a BLAS of its own, and they are listed in any order."""
    numpy = Path(np.__file__).resolve().parent
    path = Path(library["filepath"]).resolve()
    return path.parent not in (numpy.parent / "numpy.libs", numpy / ".dylibs"), str(path)


def _foreign_source(target: str) -> str | None:
    """Return the digest of the code of a part of the user's own; None for ours."""
    cls = class_of(target)
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return None
    return digest_behind(cls.__module__, target.rpartition(".")[0])
