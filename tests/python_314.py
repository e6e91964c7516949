"""Run inside CPython 3.14 by test_python_314.py: the program's commands, without compiled packages.

In Node there is no NumPy, nor what needs it. What is trained and kept is stood in for; how a
command is read and composed is the program's own.
"""

import contextlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import runpy
import sys
import threading
from unittest.mock import MagicMock

_COMPILED = {"mlflow", "numpy", "pandas", "scipy", "sqlalchemy", "statsmodels", "threadpoolctl"}


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds in the place of a compiled package what takes everything that is done with it."""

    def find_spec(self, name, path, target=None):  # noqa: ARG002
        if name.partition(".")[0] in _COMPILED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return MagicMock(name=spec.name)

    def exec_module(self, module):
        pass


def as_json(cfg):
    """Return a job's configuration in one line."""
    from omegaconf import OmegaConf

    return json.dumps(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))


def show(job, _):
    """Print a job's configuration in the place of training."""
    from noise_exp.runs.record import Record

    print(json.dumps(job.config))
    return Record("run")


def start(module, *arguments):
    """Start a command as `python -m` does; return its exit code and what it said."""
    os.environ.pop("HYDRA_FULL_ERROR", None)  # of the command before
    sys.argv = [module, *arguments]
    code, said = None, io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as left:
            code = left.code
            if isinstance(code, str):
                print(code)
    return int(bool(code)), said.getvalue()


def start_all(commands):
    """Start commands one after the other; return Python's version and what became of them."""
    sys.meta_path.insert(0, StandIns())
    threading.Thread = MagicMock()  # there are none
    from noise_exp.job import build, job

    build.build, job.run = MagicMock(), show  # before they are imported from there
    return json.dumps([sys.version, [start(*command) for command in commands]])
