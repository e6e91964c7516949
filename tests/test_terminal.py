"""A terminal or a pipe that goes away, or lacks a letter, ends no run and loses nothing."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest
from support import PATIENCE, SMALL, artifacts, needs_linux

from noise_exp import terminal
from noise_exp.errors import at_the_edge
from noise_exp.job import launchers
from noise_exp.runs.record import Owed, Record
from noise_exp.tracking.recording import Recording
from noise_exp.tracking.store import Store

JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
WRITTEN = {"comparison.csv", "runs.csv", "report.html", "cost_per_training.png"}


def written(folder):
    """The names in an output folder; its runs must have ended well, and all be in the store."""
    for path in folder.rglob("run.json"):
        record = json.loads(path.read_text())
        assert (record["status"], record["delivered"]) == ("FINISHED", True)
    return {path.name for path in folder.rglob("*")}


def starts(cli, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "noise_exp", *arguments], cwd=cli.folder, env=cli.env, **options
    )


@pytest.mark.parametrize("launcher", [(), JOBLIB])
def test_a_pipe_that_is_closed(cli, launcher):
    running = starts(
        cli, "-m", "seed=1,2,3", "network=small", "epochs=300", "hydra.sweep.dir=out", *launcher,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    running.stdout.readline()
    running.stdout.close()
    assert running.wait(timeout=PATIENCE) == 0
    assert written(cli.folder / "out") >= WRITTEN
    assert len(cli.runs("run")) == 3


def test_a_terminal_that_is_closed(cli):
    ours, theirs = os.openpty()
    held = (*cli.hold(3), *SMALL, "hydra.run.dir=out")
    running = starts(cli, *held, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    cli.release(3)
    assert running.wait(timeout=PATIENCE) == 0
    assert "run.json" in written(cli.folder / "out")


# The parts of a process that writes without a command's work around it.
WRITES = """
import sys
from noise_exp import terminal
from noise_exp.errors import at_the_edge
with at_the_edge("x"):
    for name in sys.argv[1:]:
        stream = getattr(sys, name)
        print("größe " * 20000, file=stream, flush=True)
        print("more", file=stream)
    open("done", "w").close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("redirected", ["> /dev/full 2>&1", ">&- 2>&-", "2>&1 | true"])
def test_other_commands_go_on_too(tmp_path, redirected):
    (tmp_path / "writes.py").write_text(WRITES, "utf-8")
    command = f"set -o pipefail; {sys.executable} writes.py stdout stderr {redirected}"
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / "done").exists()


@pytest.mark.slow
def test_a_pipe_that_does_not_block_loses_nothing(tmp_path):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    running = subprocess.Popen(
        [sys.executable, "-c", WRITES, "stdout"], cwd=tmp_path, stdout=writing
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as file:
        assert file.read() == "größe " * 20000 + "\nmore\n"
    assert running.wait(timeout=PATIENCE) == 0


def test_a_locale_without_the_letters_of_a_label(cli):
    cli.own_option("dist", "größe−1", "sampler: gumbel\nloc: 0\nscale: 1\n")
    poor = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    cli.ok("--config-dir=my", "-m", "dist='größe−1',beta", *SMALL, "hydra.sweep.dir=out", env=poor)
    assert written(cli.folder / "out") >= WRITTEN
    for name in ("comparison.csv", "runs.csv", "report.html"):
        assert "größe−1" in (cli.folder / "out" / name).read_text(encoding="utf-8")
    assert {run.data.params["dist"] for run in cli.runs("run")} == {"größe−1", "beta"}


class Console(io.RawIOBase):
    """As Python's own for a Windows console: bytes of UTF-8 become letters, on their way to it."""

    def __init__(self):
        self.letters = ""

    def writable(self):
        return True

    def isatty(self):
        return True

    def write(self, data):
        self.letters += bytes(data).decode()
        return len(data)


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_console_of_windows_keeps_its_own_stream(monkeypatch, name):
    console = Console()
    stream = io.TextIOWrapper(io.BufferedWriter(console), "utf-8", line_buffering=True)
    monkeypatch.setattr(sys, name, stream)
    monkeypatch.setattr(sys, f"__{name}__", stream)
    for _ in range(2):  # a job steadies what the command has
        terminal.steady()
        assert getattr(sys, name) is stream
    print("┏━ größe−1 \udce4", file=getattr(sys, name))
    assert console.letters == "┏━ größe−1 \\udce4\n"


@pytest.mark.parametrize("buffered", [True, False])
def test_a_pipe_of_windows_lacks_letters(monkeypatch, buffered, tmp_path):
    file = (tmp_path / "out").open("wb", buffering=-1 if buffered else 0)
    stream = io.TextIOWrapper(file, "cp1252", write_through=not buffered)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "__stdout__", stream)
    terminal.steady()
    assert sys.stdout is not stream
    print("┏━ größe", flush=True)
    assert (tmp_path / "out").read_bytes().rstrip() == b"\\u250f\\u2501 gr\xf6\xdfe"


def test_bytes_that_are_no_text_reach_the_store(cli):
    store = Store.open(cli.uri, "noise_training")
    latin = os.fsdecode("größe".encode("latin-1"))  # as Python hands such an argument on
    run = Record(latin, {"kind": "run", "x": latin}, {"path": latin}, note=latin, command=latin)
    owed = Owed(cli.uri, store.experiment_id)
    recording = Recording(cli.folder / "out", run, owed, 5.0)
    recording.__enter__().update(tags={"later": latin})
    recording.__exit__(RuntimeError, RuntimeError(latin), None)
    (run,) = cli.runs("run")
    assert run.info.status == "FAILED"
    assert run.data.tags["x"] == run.data.params["path"] == run.data.tags["later"] == "gr��e"
    assert "gr��e" in (artifacts(run) / "traceback.txt").read_text()


@needs_linux
def test_a_hang_up_is_an_interrupt_unless_it_is_ignored():
    before = {s: signal.getsignal(s) for s in (signal.SIGHUP, signal.SIGTERM)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        launchers.end_on_signals()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)  # the shell's, after the terminal's
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it
        launchers.end_on_signals()
        signal.raise_signal(signal.SIGHUP)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_memory_that_runs_out_is_reported_in_one_line():
    with pytest.raises(SystemExit) as left, at_the_edge("noise_exp"):
        bytearray(1 << 62)
    assert str(left.value).startswith("noise_exp: there is not enough memory (")
    assert "\n" not in str(left.value)


@needs_linux
def test_a_program_of_an_environment_is_said_as_this_shell_finds_it(tmp_path, monkeypatch):
    """An environment of Python in .venv, below where the user is, and a system's Python."""
    own, system = tmp_path / ".venv" / "bin", tmp_path / "system"
    for folder in (own, system):
        folder.mkdir(parents=True)
        for name in ("python", "mlflow"):
            (folder / name).touch(0o755)
    monkeypatch.setattr(sys, "executable", str(own / "python"))
    for cwd, prefix, path, said in (
        (tmp_path, own.parent, f"{system}", ".venv/bin/"),
        (system, own.parent, f"{system}", f"{own}/"),
        (system, own.parent, "", f"{own}/"),
        (system, own.parent, f"{own}:{system}", ""),  # activated
        (system, sys.base_prefix, f"{system}", ""),  # no environment: scripts lie elsewhere
    ):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "prefix", str(prefix))
        monkeypatch.setenv("PATH", path)
        assert terminal.program("mlflow") == f"{said}mlflow"
        assert terminal.program("python").startswith(said)


def test_commands_to_go_on_by_run_where_nothing_is_activated(cli):
    done = cli.ok(*SMALL, env={"PATH": "/usr/bin:/bin"})
    for said in ("python -m noise_exp.report", "python -m noise_exp.predict", "mlflow ui"):
        assert f"    {sys.prefix}/bin/{said} " in done.stdout
