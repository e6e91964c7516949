"""Which runs have the same result: a digest of all that decides it, the user's own code too."""

import ast
import hashlib
import importlib.util
import json
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from noise_exp import training
from noise_exp.job import build
from noise_exp.job.values import class_of
from noise_exp.training.trial import Trial

_INSTALLED = {"site-packages", "dist-packages"}
_STDLIB = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")]
_OURS = __name__.partition(".")[0]
VERSION = 2
"""Of what a fingerprint is made of; the first had the pixels' scale in the data's digest alone."""


def fingerprint(config: Mapping[str, Any], trial: Trial) -> str:
    """Return a digest of a job's `config`, data, kernel and code, of the user's own parts too.

    It begins with its version.
    """
    parts = ["optimizer"] + (["estimator"] if trial.distribution else [])
    keys = ["dist", "seeds", "network", *parts, *build.BUDGETS, "batch_size", "cost", "score",
            "dtype", "stream", *(["noise_transform"] if trial.distribution else []),
            *(["diagnostics"] if config["diagnostics"] else [])]  # fmt: skip
    science = {key: config[key] for key in keys}
    split = trial.split
    science["data"] = [
        split.digest, float(split.pixel_divisor), split.validation,
        len(split.test_labels), len(split.train_labels),
    ]  # fmt: skip
    science["kernel"] = kernel()
    named = [config[part].get("_target_") for part in (*parts, "data", "dist")]
    targets = [target for target in named if target]  # a distribution of NumPy's has none
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
    if cls.__module__.partition(".")[0] == _OURS:
        return None
    return digest_behind(cls.__module__, target.rpartition(".")[0])


def digest_behind(*modules: str) -> str:
    """Return a digest of modules and of all that they import, directly or not, of the user's own.

    What is installed, Python's own or ours does not count, but for the package of `modules`
    themselves. Imports are read in the source and nothing is executed: one whose name is computed
    is not seen, and one that is found nowhere is passed over.
    """
    roots = {module.partition(".")[0] for module in modules}
    contents: dict[str, bytes] = {}
    todo = list(modules)
    while todo:
        for name, spec in _with_parents(todo.pop(), roots):
            if name in contents:
                continue
            contents[name] = _content(spec)
            if str(spec.origin).endswith(".py"):
                is_package = spec.submodule_search_locations is not None
                package = name if is_package else name.rpartition(".")[0]
                todo += _imported(contents[name], package)
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\n{len(contents[name])}\n".encode())
        digest.update(contents[name])
    return digest.hexdigest()[:12]


def _with_parents(name: str, roots: set[str]) -> Iterator[tuple[str, ModuleSpec]]:
    """Find a module of the user's own and the packages around it, from the outermost on.

    Of `a.b.c` where c is no module but something in b, that is a and a.b.
    """
    first, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(first)
        if spec is None or not _is_own(spec, first in roots):
            return
        yield first, spec
        for part in rest:
            if spec.submodule_search_locations is None:
                return
            # Not by find_spec, which would import the package.
            found = PathFinder.find_spec(
                f"{spec.name}.{part}", list(spec.submodule_search_locations)
            )
            if found is None:
                return
            spec = found
            yield spec.name, spec
    except (ImportError, OSError, ValueError):
        return


def _is_own(spec: ModuleSpec, is_root: bool) -> bool:
    if spec.name == _OURS:
        return False
    places = [spec.origin] if spec.has_location else [*(spec.submodule_search_locations or ())]
    if not places or places[0] is None:  # built into Python
        return False
    path = Path(places[0])
    if _INSTALLED & set(path.parts):
        return is_root
    return not any(path.is_relative_to(folder) for folder in _STDLIB)


def _content(spec: ModuleSpec) -> bytes:
    """Return what is in a module's file; a package may have none."""
    try:
        return Path(spec.origin).read_bytes() if spec.has_location and spec.origin else b""
    except OSError:
        return b""


@cache  # the jobs of a sweep ask again; a file that has changed is another source
def _imported(source: bytes, package: str) -> list[str]:
    """Return what a source imports, anywhere in it, as `module` or `module.something`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            around = package.split(".")
            base = around[: len(around) - node.level + 1] if node.level else []
            base += [node.module] if node.module else []
            names += [".".join([*base, alias.name]) for alias in node.names]
    return names
