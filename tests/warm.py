"""A process that has imported what the command imports, and forks for each call of it.

A call then takes as long as what it is asked to do, without the seconds that importing MLflow,
pandas and matplotlib take on a small machine. Folder, arguments, environment, output and exit code
are those of a process of its own. `Cli.start`, and all tests about processes, start real ones.
"""

import atexit
import contextlib
import gc
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select

_SLOW = (
    "mlflow.store.tracking.sqlalchemy_store", "mpld3", "scipy.stats", "sqlalchemy.dialects.sqlite",
    "statsmodels.api", "noise_exp.cli", "noise_exp.report.page", "noise_exp.sweep.summary",
    "noise_exp.sweep.sweep", "noise_exp.tracking.publisher",
    "noise_exp.tracking.model",
)  # fmt: skip
# What Python or a library reads as it starts or is imported: a call that changes it is no fork's.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "OMP_", "OPENBLAS_", "NPY_", "MPL", "COLUMNS")


class Warm:
    """Runs modules as `python -m` does; its process is started by the first call."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self._env = dict(os.environ)

    def serves(self, env: Mapping[str, str]) -> bool:
        """Whether a call in this environment may be a fork's."""
        keys = {key for key in {*env, *self._env} if key.startswith(_READ_AT_START)}
        return all(env.get(key, "") == self._env.get(key, "") for key in keys)

    def run(
        self,
        module: str,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
    ) -> subprocess.CompletedProcess:
        """Run a module to its end.

        Raises
        ------
        subprocess.TimeoutExpired
            If it takes longer; it is killed then.
        """
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], env=self._env, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        command = [sys.executable, "-m", module, *arguments]
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            call = {"module": module, "arguments": [*arguments], "cwd": str(cwd),
                    "env": dict(env), "out": str(out), "err": str(err)}  # fmt: skip
            print(json.dumps(call), file=self._process.stdin)
            pid = int(self._process.stdout.readline())
            late = not select([self._process.stdout], [], [], timeout)[0]
            if late:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            code = int(self._process.stdout.readline())
            said = out.read_text(errors="replace"), err.read_text(errors="replace")
        if late:
            raise subprocess.TimeoutExpired(command, timeout, *said)
        return subprocess.CompletedProcess(command, code, *said)


def serve() -> dict | None:
    """Fork for every call on stdin; return the call in the child, None at the end."""
    for module in _SLOW:
        importlib.import_module(module)
    from hydra.core.plugins import Plugins
    from sqlalchemy.orm import configure_mappers

    from noise_exp.figures import Figure

    configure_mappers()
    figure = Figure()
    figure.text(0, 0, "finds the fonts")
    figure.savefig(io.BytesIO())
    Plugins.instance()
    # A fork that looks for garbage here, or takes all of this down when it ends, copies it first:
    # that takes longer than most calls.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        call: dict = json.loads(line)
        pid = os.fork()
        if not pid:
            return call
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    return None


def become(call: Mapping, before: Mapping[str, str]) -> None:
    """Take the place of a new process; `before` is the environment before the imports."""
    set_by_imports = {k: v for k, v in os.environ.items() if before.get(k) != v}
    for number, path, mode in ((0, os.devnull, "r"), (1, call["out"], "w"), (2, call["err"], "w")):
        with open(path, mode) as file:
            os.dup2(file.fileno(), number)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(set_by_imports | call["env"])
    sys.path[0] = call["cwd"]
    sys.argv[1:] = call["arguments"]


def end(child: Mapping[str, int]) -> None:
    """End a fork here, all done but taking the interpreter down."""
    if child:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(child["code"])


if __name__ == "__main__":
    import runpy

    environment = dict(os.environ)
    child: dict[str, int] = {}
    atexit.register(end, child)  # before the imports, so that it comes after what they register
    if called := serve():
        become(called, environment)
        child["code"] = 1
        try:
            runpy.run_module(called["module"], run_name="__main__", alter_sys=True)
            child["code"] = 0
        except SystemExit as exit_:
            child["code"] = exit_.code if isinstance(exit_.code, int) else exit_.code is not None
            raise
