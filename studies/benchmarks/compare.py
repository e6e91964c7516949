"""The fourteen methods, ours and the peers' ways, side by side."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import pandas as pd

from noise_exp.writing import markdown
from studies.benchmarks import turns
from studies.benchmarks.problem import Train, article_trial

OURS, ROOFLINE = "noise_exp", "products"
# Contender: the module and its function that prepare it, and the package it needs.
CONTENDERS = {
    OURS: ("ours", "prepare", "numpy"),
    "article": ("ours", "prepare_article", "numpy"),
    "PyTorch": ("torch_peer", "prepare", "torch"),
    "JAX": ("jax_peer", "prepare", "jax"),
    ROOFLINE: ("ours", "prepare_products", "numpy"),
}
_OPTION = {"normal": "gaussian"}  # where the option of dist is not called as NumPy's sampler


@dataclass(frozen=True)
class Timing:
    """Milliseconds per epoch of one contender at one method, one number per round."""

    contender: str
    method: str
    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median over the rounds."""
        return median(self.rounds)


@cache
def _prepared(contender: str, method: str, threads: int) -> Train:
    module, prepare, _ = CONTENDERS[contender]
    peer = importlib.import_module(f"studies.benchmarks.{module}")
    run: Train = getattr(peer, prepare)(article_trial(method, threads))
    run(2)  # compiles, and makes buffers
    return run


def _seconds(contender: str, threads: int, method: str, epochs: int) -> float:
    """Run in the contender's own process: train, and return the seconds of an epoch."""
    run = _prepared(contender, method, threads)
    turns.settle()
    return turns.time_undisturbed(lambda: run(epochs), lambda: run(2)) / epochs


def compare(threads: int, epochs: int, rounds: int, methods: Sequence[str]) -> list[Timing]:
    """Time every contender at every method, turn and turn about.

    Raises
    ------
    UserError
        If a peer is not installed.
    """
    turns.require(package for *_, package in CONTENDERS.values())
    cases = [(method, epochs) for _ in range(rounds) for method in methods]
    seconds: dict[tuple[str, str], list[float]] = {}
    for name, (method, _), spent in turns.take_turns(_seconds, CONTENDERS, cases, threads):
        seconds.setdefault((name, method), []).append(spent)
    return [
        Timing(name, _OPTION.get(method, method), tuple(1e3 * s for s in samples))
        for (name, method), samples in seconds.items()
    ]


def write_csv(timings: Sequence[Timing], path: Path) -> None:
    """Write one row per contender, method and round."""
    rows = [
        {"contender": t.contender, "method": t.method, "round": i, "milliseconds_per_epoch": ms}
        for t in timings
        for i, ms in enumerate(t.rounds)
    ]
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4f")


def table(timings: Sequence[Timing]) -> str:
    """Return the comparison in Markdown: medians (lowest to highest), ratios of medians."""
    timed = {(t.contender, t.method): t for t in timings}
    methods = list(dict.fromkeys(t.method for t in timings))
    peers = [name for name in CONTENDERS if name not in (OURS, ROOFLINE)]
    head = ["method", OURS, *peers, "products alone", "share", *(f"{p} / ours" for p in peers)]
    rows = []
    for method in methods:
        ours, roof = timed[OURS, method], timed[ROOFLINE, method]
        row = [method, *(_spread(timed[name, method]) for name in (OURS, *peers)), _spread(roof)]
        row.append(f"{roof.median / ours.median:.0%}")
        row += [f"{timed[name, method].median / ours.median:.2f}" for name in peers]
        rows.append(row)
    sums = {name: sum(timed[name, m].median for m in methods) for name in CONTENDERS}
    rows.append(
        ["sum", *(f"{sums[name]:.0f}" for name in (OURS, *peers, ROOFLINE)),
         f"{sums[ROOFLINE] / sums[OURS]:.0%}", *(f"{sums[p] / sums[OURS]:.2f}" for p in peers)]
    )  # fmt: skip
    return markdown(head, rows)


def _spread(timing: Timing) -> str:
    return f"{timing.median:.1f} ({min(timing.rounds):.1f}-{max(timing.rounds):.1f})"
