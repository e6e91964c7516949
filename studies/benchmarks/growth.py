"""How time and memory grow with images, width and threads."""

import re
import resource
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median
from time import perf_counter

from noise_exp.training import article
from noise_exp.writing import tables
from studies.benchmarks import ours
from studies.benchmarks.problem import article_trial
from studies.benchmarks.quiet import time_undisturbed
from studies.benchmarks.turns import own_process

IMAGES: tuple[int, ...] = (500, 2095, 10_000, 60_000)
WIDTHS: tuple[int, ...] = (64, 256, 1024, 4096)
METHODS = ("gumbel", "backprop")
_TRAINING_IMAGES = 2095  # of the article
_LEAST = 0.3  # seconds that a measurement lasts
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Size:
    """One measurement.

    Attributes
    ----------
    axis
        What varies: ``images`` or ``width``.
    milliseconds
        Per epoch.
    mebibytes
        The most memory that the process held at any time, images and Python included.
    """

    axis: str
    method: str
    images: int
    width: int
    threads: int
    milliseconds: float
    mebibytes: float


def growth(
    images: Sequence[int], widths: Sequence[int], threads: Sequence[int], rounds: int = 3
) -> list[Size]:
    """Measure each size in a new process, with the article's problem for what does not vary.

    A time is the median of so many `rounds`.
    """
    cases = [("images", n, article.HIDDEN) for n in images]
    cases += [("width", _TRAINING_IMAGES, (width, width)) for width in widths]
    sizes = []
    for axis, n, hidden in cases:
        for method in METHODS:
            for k in threads:
                # Each a process of its own: its high-water mark never falls.
                with own_process(k) as process:
                    ms, mib = process.submit(_measure, method, n, hidden, k, rounds).result()
                sizes.append(Size(axis, method, n, max(hidden), k, ms, mib))
    return sizes


def _measure(
    method: str, images: int, hidden: tuple[int, ...], threads: int, rounds: int
) -> tuple[float, float]:
    run = ours.prepare(article_trial(method, threads, hidden, images))
    run(1)
    start = perf_counter()
    run(1)
    epochs = max(1, round(_LEAST / (perf_counter() - start)))
    seconds = [time_undisturbed(lambda: run(epochs), lambda: run(1)) for _ in range(rounds)]
    return 1e3 * median(seconds) / epochs, most_mebibytes()


def most_mebibytes() -> float:
    """Return the most memory that this process has held.

    On Linux `getrusage` would start with what the parent held when it made this process.
    """
    if sys.platform == "linux":
        (kibibytes,) = re.findall(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
        return int(kibibytes) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


def write_csv(sizes: Sequence[Size], path: Path) -> None:
    """Write one row per measurement."""
    rows = [[f"{v:.4g}" if isinstance(v, float) else v for v in astuple(s)] for s in sizes]
    tables.write_csv(path, [f.name for f in fields(Size)], rows)


def table(sizes: Sequence[Size]) -> str:
    """Return the measurements in Markdown."""
    threads = sorted({s.threads for s in sizes})
    head = ["images", "width", "method", *(f"ms, threads={k}" for k in threads), "most MiB"]
    rows = []
    groups: dict[tuple, dict[int, Size]] = {}
    for s in sizes:
        groups.setdefault((s.axis, s.images, s.width, s.method), {})[s.threads] = s
    for (axis, images, width, method), of_threads in groups.items():
        rows.append(
            [f"{images:,}", "article's" if axis == "images" else f"{width:,}", method,
             *(_three_digits(of_threads[k].milliseconds) for k in threads),
             f"{max(s.mebibytes for s in of_threads.values()):.0f}"]
        )  # fmt: skip
    return tables.markdown(head, rows)


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
