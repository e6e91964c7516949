"""Seconds until 99% of the zeros and ones for test are told apart: ours against evosax."""

import contextlib
import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from noise_exp.training import CrossEntropy, Embedded, IndependentStreams, Law, Split, Trial
from noise_exp.writing import tables
from studies.benchmarks import turns

TEST_IMAGES = 500
MOST_ERRORS = 5
CAP = 15.0  # seconds, then a run has not arrived
TARGET = 5.0  # times as fast as the best of evosax

# Contender: the module that prepares it, and its settings; `.search` seeks better ones.
CONTENDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "learned_feedback, Adam": (
        "our_racer",
        {"estimator": "learned_feedback", "scale": 0.1, "rate": 0.2, "lr": 0.01, "batch": 128},
    ),
    "node_perturbation, Adam": (
        "our_racer",
        {"estimator": "node_perturbation", "scale": 0.01, "lr": 0.01, "batch": 32},
    ),
    "hill_climb": (
        "our_racer",
        {"estimator": "cost_scaled", "scale": 0.01, "adaptation": 1.5, "batch": None},
    ),
    "evosax Open_ES": (
        "evosax_peer",
        {"algorithm": "Open_ES", "population": 16, "std": 0.1, "optimizer": "adam", "lr": 0.06,
         "batch": 128},
    ),
    "evosax SNES": (
        "evosax_peer",
        {"algorithm": "SNES", "population": 16, "std": 0.1, "batch": 128},
    ),
    "evosax SimpleES": (
        "evosax_peer",
        {"algorithm": "SimpleES", "population": 4, "std": 0.1, "batch": 32},
    ),
    "evosax HillClimbing": (
        "evosax_peer",
        {"algorithm": "HillClimbing", "population": 1, "std": 0.1, "batch": None},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Arrival:
    """How a run ended.

    Attributes
    ----------
    seconds
        Of training; infinite where it did not arrive.
    steps, errors
        Taken, and test images still wrong.
    """

    seconds: float
    steps: int
    errors: int


class OverError(Exception):
    """The run has arrived, or its time is up."""


class Watch:
    """Times the steps of a run, and looks at the test images between them, which is not timed.

    Parameters
    ----------
    cap
        Seconds, after which a run is over.
    """

    def __init__(self, cap: float) -> None:
        self._cap = cap
        self._spent = 0.0
        self._steps = 0
        self._errors = TEST_IMAGES
        self._since = perf_counter()

    def start(self) -> None:
        """Start the clock anew, where something had to be made ready first."""
        self._since = perf_counter()

    def look(self, errors: Callable[[], int]) -> None:
        """Note the end of a step; `errors` counts the test images that are wrong now.

        Raises
        ------
        OverError
            If it was the last.
        """
        self._spent += perf_counter() - self._since
        self._steps += 1
        if self._looks():
            self._errors = errors()
        if self._errors <= MOST_ERRORS or self._spent >= self._cap:
            raise OverError
        self._since = perf_counter()

    def _looks(self) -> bool:
        """Whether the images are looked at after this step."""
        return True

    @property
    def arrival(self) -> Arrival:
        """How the run ended."""
        seconds = self._spent if self._errors <= MOST_ERRORS else math.inf
        return Arrival(seconds, self._steps, self._errors)


# Trains from the start, with a look after every step, until that says that it is over.
Racer = Callable[[Watch], None]


def course(seed: int, threads: int = 1, **parts: Any) -> Trial:
    """Return a new trial with what every contender is given of one seed.

    The article's network and its initial weights; 1,615 training and 500 test images in 0..1.
    `parts` are further ones of the trial.
    """
    streams, law = IndependentStreams(seed, seed, seed), Law("normal", loc=0.0, scale=1.0)
    return Trial(_split(seed), law, streams, cost=CrossEntropy(), threads=threads, **parts)


@cache
def _split(seed: int) -> Split:
    permutation = IndependentStreams(seed, seed, seed).permutation
    return Embedded(test_size=TEST_IMAGES, pixel_divisor=255.0).split(permutation)


def prepared(module: str, settings: Mapping[str, Any], seed: int, threads: int) -> Racer:
    """Return a contender, compiled and warm."""
    racer = importlib.import_module(f"studies.benchmarks.{module}")
    ready: Racer = racer.prepare(settings, seed, threads)
    run(ready, 0.0)
    return ready


def run(racer: Racer, cap: float) -> Arrival:
    """Race once."""
    watch = Watch(cap)
    with contextlib.suppress(OverError):
        racer(watch)
    return watch.arrival


_ready: dict[tuple[str, int], Racer] = {}


def _arrive(name: str, threads: int, seed: int, cap: float) -> Arrival:
    """Run in the contender's own process."""
    if (name, seed) not in _ready:
        _ready.clear()  # one at a time: a population takes memory
        _ready[name, seed] = prepared(*CONTENDERS[name], seed, threads)
    turns.settle()
    return run(_ready[name, seed], cap)


def race(
    threads: int, seeds: Sequence[int], repeats: int, cap: float = CAP
) -> dict[str, list[Arrival]]:
    """Let every contender run with every seed, turn and turn about.

    Raises
    ------
    UserError
        If evosax is not installed.
    """
    turns.require(["evosax"])
    cases = [(seed, cap) for seed in seeds for _ in range(repeats)]
    arrivals: dict[str, list[Arrival]] = {name: [] for name in CONTENDERS}
    for name, _, arrival in turns.take_turns(_arrive, CONTENDERS, cases, threads):
        arrivals[name].append(arrival)
    return arrivals


def write_csv(arrivals: Mapping[str, Sequence[Arrival]], path: Path) -> None:
    """Write one row per run; seconds are empty where it did not arrive."""
    rows = [
        (name, i, f"{a.seconds:.4f}" if math.isfinite(a.seconds) else "", a.steps, a.errors)
        for name, runs in arrivals.items()
        for i, a in enumerate(runs)
    ]
    tables.write_csv(path, ("contender", "run", "seconds", "steps", "errors"), rows)


def table(arrivals: Mapping[str, Sequence[Arrival]], cap: float = CAP) -> str:
    """Return the race in Markdown: medians (lowest to highest), and how it compares.

    Where most runs did not arrive, the median is more than the cap; a ratio that follows is a
    bound.
    """
    first = next(iter(arrivals))
    ours = median([a.seconds for a in arrivals[first]])
    head = ["contender", "arrived", "seconds", "steps", f"times as long as {first}", "settings"]
    rows = []
    for name, runs in arrivals.items():
        seconds = [a.seconds for a in runs]
        middle = median(seconds)
        bound = "" if math.isfinite(middle) else "> "
        ratio = min(middle, cap) / ours
        rows.append(
            [
                name,
                f"{sum(map(math.isfinite, seconds))} of {len(runs)}",
                f"{bound}{min(middle, cap):.2f} ({_seconds(min(seconds), cap)}"
                f" to {_seconds(max(seconds), cap)})",
                f"{median([a.steps for a in runs]):g}",
                f"{bound}{ratio:.1f}",
                " ".join(f"{k}={v}" for k, v in CONTENDERS[name][1].items() if k not in _NAMED),
            ]
        )
    return tables.markdown(head, rows)


_NAMED = ("estimator", "algorithm")


def verdict(arrivals: Mapping[str, Sequence[Arrival]], cap: float = CAP) -> str:
    """Return what became of the target, in Markdown."""
    medians = {name: median([a.seconds for a in runs]) for name, runs in arrivals.items()}
    peers = {name: s for name, s in medians.items() if CONTENDERS[name][0] == "evosax_peer"}
    best = min(peers, key=peers.__getitem__)
    reached = min(peers[best], cap) / min(s for name, s in medians.items() if name not in peers)
    bound = "" if math.isfinite(peers[best]) else "> "
    met = "met" if reached >= TARGET else "missed"
    what = f"time to 99%, our fastest against {best}"
    row = [what, f"{TARGET:g}", f"{bound}{reached:.1f}", met]
    return tables.markdown(("target", "at least", "reached", ""), [row])


def _seconds(value: float, cap: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else f"> {cap:g}"
