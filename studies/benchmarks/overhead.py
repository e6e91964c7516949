"""What a run costs beyond its training: Hydra, MLflow, figures; measured on the real command."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from noise_exp.runs.journal import Journal
from noise_exp.writing import markdown

_JOBS, _ROUNDS = 40, 3
_MANY = 300
_TINY = ("data=xor", "network=small", "epochs=2")
_EPOCHS = (100, 1100)
_ENDED = re.compile("images wrong, cost")  # what a job says at its end


@dataclass(frozen=True)
class Overhead:
    """Attributes are as `table` names them; times in seconds."""

    help_seconds: float
    help_imports: tuple[str, ...]
    seconds_per_job: float
    seconds_to_first: float
    seconds_of_many: float
    share_of_epochs: float
    share_untracked: float


def overhead() -> Overhead:
    """Run the command in a temporary folder, with a store of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = perf_counter()
        _run(folder, "--help")
        help_seconds = perf_counter() - start
        _sweep(folder, 1)  # makes the store, once
        # What one job more costs: neither the start-up nor the comparison at the end counts.
        one, many = (
            sorted(_sweep(folder, jobs) for _ in range(_ROUNDS))[_ROUNDS // 2]
            for jobs in (1, 1 + _JOBS)
        )
        return Overhead(
            help_seconds=help_seconds,
            help_imports=_imports_of_help(folder),
            seconds_per_job=(many - one) / _JOBS,
            **_many(folder),
            share_of_epochs=_share(folder, "tracking.enabled=true"),
            share_untracked=_share(folder, "tracking.enabled=false"),
        )


def _run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "noise_exp", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _train_seconds(folder: Path) -> float:
    return sum(
        journal.read().seconds
        for journal in Journal.below(folder)
        if journal.record.tags.get("kind") == "run"
    )


def _sweep(folder: Path, jobs: int) -> float:
    """Return the seconds of a sweep beyond its training."""
    out = Path(tempfile.mkdtemp(dir=folder))
    start = perf_counter()
    _run(folder, "-m", *_TINY, f"seed=range({jobs})", f"hydra.sweep.dir={out}")
    return perf_counter() - start - _train_seconds(out)


def _many(folder: Path) -> dict[str, float]:
    """Return after how many seconds the first and the last of many jobs have ended."""
    command = [sys.executable, "-m", "noise_exp", "-m", *_TINY, f"seed=range({_MANY})"]
    start = perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as sweep:
        ended = [perf_counter() - start for line in sweep.stdout or () if _ENDED.search(line)]
    return {"seconds_to_first": ended[0], "seconds_of_many": ended[-1]}


def _share(folder: Path, option: str) -> float:
    """Return what part of the time of an epoch is not training: from long and short runs."""
    spent, trained = [], []
    for epochs in _EPOCHS:
        out = Path(tempfile.mkdtemp(dir=folder))
        start = perf_counter()
        _run(folder, f"epochs={epochs}", option, f"hydra.run.dir={out}")
        spent.append(perf_counter() - start)
        trained.append(_train_seconds(out))
    return 1 - (trained[1] - trained[0]) / (spent[1] - spent[0])


def _imports_of_help(folder: Path) -> tuple[str, ...]:
    """Return which heavy packages `--help` imports; there should be none."""
    code = (
        "import runpy, sys; sys.argv = ['noise_exp', '--help']\n"
        "try: runpy.run_module('noise_exp', run_name='__main__')\n"
        "finally: print(*({'mlflow', 'matplotlib', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
    )
    return tuple(done.stderr.split())


def table(measured: Overhead) -> str:
    """Return the measurements in Markdown."""
    m = measured
    rows: Sequence[tuple[str, str]] = (
        ("one job more in a sweep, beyond its training", f"{m.seconds_per_job:.2f} s"),
        (f"until the first of {_MANY} such jobs has ended", f"{m.seconds_to_first:.1f} s"),
        (f"until all {_MANY} have", f"{m.seconds_of_many:.0f} s"),
        ("share of an epoch that is not training, tracked", f"{m.share_of_epochs:.1%}"),
        ("the same without tracking", f"{m.share_untracked:.1%}"),
        ("`--help`", f"{m.help_seconds:.2f} s"),
        ("`--help` imports of MLflow, matplotlib, pandas", ", ".join(m.help_imports) or "none"),
    )
    return markdown(("", "measured"), rows)
