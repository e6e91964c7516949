"""The fourteen methods, ours and the peers' ways, side by side."""

import csv
import importlib.util
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import sleep

import numpy as np

from noise_exp.bench.problem import Train, article_problem
from noise_exp.bench.quiet import time_undisturbed
from noise_exp.writing.tables import markdown

OURS, ROOFLINE = "noise_exp", "products"
# Contender: the module that prepares it, and the package it needs.
CONTENDERS = {
    OURS: ("ours", "numpy"),
    "article": ("plain", "numpy"),
    "PyTorch": ("torch_peer", "torch"),
    "JAX": ("jax_peer", "jax"),
    ROOFLINE: ("ours", "numpy"),
}
# Least ratio of a contender's time to ours, of a noise law and of back propagation.
TARGETS = {"PyTorch": (1.5, 1.1), "JAX": (1.5, 1.1), "article": (3.5, 3.5)}
_OPTION = {"normal": "gaussian"}  # where the option of dist is not called as NumPy's sampler
_SETTLE = 0.05  # seconds; BLAS and OpenMP threads of the turn before wait actively that long


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


def median(rounds: Sequence[float]) -> float:
    """Return the median of numbers."""
    return float(np.median(rounds))


@cache
def _prepared(contender: str, method: str, threads: int) -> Train:
    module = importlib.import_module(f"noise_exp.bench.{CONTENDERS[contender][0]}")
    prepare = module.prepare_products if contender == ROOFLINE else module.prepare
    run: Train = prepare(article_problem(), method, threads)
    run(2)  # compiles, and makes buffers
    return run


def _seconds(contender: str, method: str, threads: int, epochs: int) -> float:
    """Run in the contender's own process: train, and return the seconds of an epoch."""
    run = _prepared(contender, method, threads)
    sleep(_SETTLE)
    return time_undisturbed(lambda: run(epochs), lambda: run(2)) / epochs


def only_cores(threads: int) -> None:
    """Keep this process, and every thread it will start, to as many cores as threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def compare(threads: int, epochs: int, rounds: int, methods: Sequence[str]) -> list[Timing]:
    """Time every contender at every method, turn and turn about.

    Each contender has a process of its own that sleeps while it is another's turn, so that no
    library's waiting threads disturb another.

    Raises
    ------
    ModuleNotFoundError
        If a peer is not installed.
    """
    for _, package in CONTENDERS.values():
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(package, name=package)
    context = multiprocessing.get_context("spawn")
    processes = {
        name: ProcessPoolExecutor(1, context, only_cores, (threads,)) for name in CONTENDERS
    }
    seconds: dict[tuple[str, str], list[float]] = {}
    try:
        for _ in range(rounds):
            for method, name in _turns(methods):
                future = processes[name].submit(_seconds, name, method, threads, epochs)
                seconds.setdefault((name, method), []).append(future.result())
    finally:
        for process in processes.values():
            process.shutdown()
    return [
        Timing(name, _OPTION.get(method, method), tuple(1e3 * s for s in samples))
        for (name, method), samples in seconds.items()
    ]


def _turns(methods: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((method, name) for method in methods for name in CONTENDERS)


def write_csv(timings: Sequence[Timing], path: Path) -> None:
    """Write one row per contender, method and round."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("contender", "method", "round", "milliseconds_per_epoch"))
        for t in timings:
            writer.writerows(
                (t.contender, t.method, i, f"{ms:.4f}") for i, ms in enumerate(t.rounds)
            )


def table(timings: Sequence[Timing]) -> str:
    """Return the comparison in Markdown: medians (lowest to highest), ratios of medians."""
    found = {(t.contender, t.method): t for t in timings}
    methods = list(dict.fromkeys(t.method for t in timings))
    peers = [name for name in CONTENDERS if name not in (OURS, ROOFLINE)]
    head = ["method", OURS, *peers, "products alone", "share", *(f"{p} / ours" for p in peers)]
    rows = []
    for method in methods:
        ours, roof = found[OURS, method], found[ROOFLINE, method]
        row = [method, *(_spread(found[name, method]) for name in (OURS, *peers)), _spread(roof)]
        row.append(f"{roof.median / ours.median:.0%}")
        row += [f"{found[name, method].median / ours.median:.2f}" for name in peers]
        rows.append(row)
    sums = {name: sum(found[name, m].median for m in methods) for name in CONTENDERS}
    rows.append(
        ["sum", *(f"{sums[name]:.0f}" for name in (OURS, *peers, ROOFLINE)),
         f"{sums[ROOFLINE] / sums[OURS]:.0%}", *(f"{sums[p] / sums[OURS]:.2f}" for p in peers)]
    )  # fmt: skip
    return markdown(head, rows)


def verdict(timings: Sequence[Timing]) -> str:
    """Return what became of the targets, in Markdown."""
    found = {(t.contender, t.method): t.median for t in timings}
    methods = list(dict.fromkeys(t.method for t in timings))
    laws = [m for m in methods if m != "backprop"]
    rows = []

    def judge(what: str, least: float, reached: float, form: str) -> None:
        met = "met" if reached >= least else "missed"
        rows.append([what, f"{least:{form}}", f"{reached:{form}}", met])

    for peer, (of_laws, of_backprop) in TARGETS.items():
        ratios = {m: found[peer, m] / found[OURS, m] for m in methods}
        if laws:
            worst = min(laws, key=ratios.__getitem__)
            judge(f"every law against {peer}; least: {worst}", of_laws, ratios[worst], ".2f")
        if "backprop" in ratios:
            judge(f"backprop against {peer}", of_backprop, ratios["backprop"], ".2f")
    total = sum(found["article", m] for m in methods) / sum(found[OURS, m] for m in methods)
    judge("sum of all methods against article", 4.5, total, ".2f")
    if laws:
        shares = {m: found[ROOFLINE, m] / found[OURS, m] for m in laws}
        worst = min(laws, key=shares.__getitem__)
        judge(f"share of the products, every law; least: {worst}", 0.8, shares[worst], ".0%")
        middle = median(list(shares.values()))
        judge("share of the products, median law", 0.88, middle, ".0%")
    return markdown(("target", "at least", "reached", ""), rows)


def _spread(timing: Timing) -> str:
    return f"{timing.median:.1f} ({min(timing.rounds):.1f}-{max(timing.rounds):.1f})"
