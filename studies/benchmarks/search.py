"""`python -m studies.benchmarks.search`: settings for the race, for all contenders alike.

From the settings in `race.CONTENDERS` on, one key after the other takes each of its values, and
keeps the best. A run counts by its seconds to the target, else by the test images still wrong.
The seed is none of the race's. What was tried goes to a csv file.
"""

import argparse
import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from noise_exp.errors import at_the_edge
from noise_exp.run import launchers
from studies.benchmarks.race import CONTENDERS, Arrival, prepared, run
from studies.benchmarks.turns import only_cores, require

_SEED = 1000
_CAP = 5.0  # seconds
_BATCHES = (32, 512, None)
_EVOLUTION = {"population": (4, 64), "std": (0.01, 0.1), "batch": _BATCHES}
SPACE: dict[str, dict[str, tuple[Any, ...]]] = {
    "learned_feedback, Adam": {
        "lr": (0.001, 0.01), "batch": _BATCHES, "scale": (0.03, 0.3), "rate": (0.03, 0.3),
    },
    "node_perturbation, Adam": {
        "lr": (0.001, 0.01), "batch": _BATCHES, "scale": (0.001, 0.1),
    },
    "hill_climb": {"scale": (0.003, 0.03, 0.1), "adaptation": (1.2, 2.0, 3.0)},
    "evosax Open_ES": {**_EVOLUTION, "lr": (0.005, 0.06)},
    "evosax SNES": _EVOLUTION,
    "evosax SimpleES": _EVOLUTION,
    "evosax HillClimbing": {"population": (1, 16), "std": (0.003, 0.01, 0.1)},
}  # fmt: skip


def search(name: str, threads: int) -> Iterator[tuple[dict[str, Any], Arrival]]:
    """Yield the settings tried and what came of them; the best is the last that is yielded."""
    module, best = CONTENDERS[name]
    reached = run(prepared(module, best, _SEED, threads), _CAP)
    yield best, reached
    for key, values in SPACE[name].items():
        for value in values:
            tried = {**best, key: value}
            # Whatever is slower by half need not be run to its end.
            cap = min(_CAP, 1.5 * reached.seconds)
            arrival = run(prepared(module, tried, _SEED, threads), cap)
            yield tried, arrival
            if (arrival.seconds, arrival.errors) < (reached.seconds, reached.errors):
                best, reached = tried, arrival
    yield best, reached


def _text(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


@at_the_edge("studies.benchmarks.search")
def main() -> None:
    """Search the settings of the contenders asked for."""
    parser = argparse.ArgumentParser("python -m studies.benchmarks.search", description=__doc__)
    parser.add_argument("contenders", nargs="*", default=list(SPACE), metavar="CONTENDER")
    parser.add_argument("--threads", type=int, default=min(2, launchers.available()))
    parser.add_argument("--output", type=Path, default=Path("benchmark"), metavar="FOLDER")
    options = parser.parse_args()
    unknown = set(options.contenders) - set(SPACE)
    if unknown:
        parser.error(f"there is no contender {', '.join(unknown)}; there are {', '.join(SPACE)}")
    require("evosax" for name in options.contenders if name.startswith("evosax"))
    only_cores(options.threads)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "performance_search.csv"
    new = not path.exists()
    with path.open("a", newline="", buffering=1) as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(("contender", "settings", "seconds", "errors"))
        for name in options.contenders:
            for settings, arrival in search(name, options.threads):
                seconds = f"{arrival.seconds:.3f}" if math.isfinite(arrival.seconds) else ""
                writer.writerow((name, _text(settings), seconds, arrival.errors))
                print(f"{name}: {_text(settings)}: {seconds or '-'} s, {arrival.errors} wrong")


if __name__ == "__main__":
    main()
