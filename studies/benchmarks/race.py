"""`python -m studies.benchmarks.race`: how far one comes in equal seconds, one number per step.

Ten digits: the rungs of the ladder that are told so much, with their settings, against evosax's
evolution strategies. `--search` draws settings for these at random and measures them on validation
images; the table is then of the best.
"""

import argparse
import csv
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from noise_exp.errors import at_the_edge
from noise_exp.run import launchers
from noise_exp.run.build import trial_of
from noise_exp.writing import markdown
from studies.benchmarks.turns import own_process, require
from studies.pages import Page, add_page

RUNGS = ("low_rank_es", "spsa", "es", "hill_climb")
_SEED = 1000  # of the search, none of the race's
_DRAWN = 10  # settings of each algorithm: about the seconds that a search of a rung takes
_VALIDATION = "data.validation_size=2000"

# The best of what `--search` tried.
EVOSAX: dict[str, dict[str, Any]] = {
    "Open_ES": {"population": 32, "std": 0.036, "batch": 128, "hidden": "[128]", "lr": 0.0051},
    "SNES": {"population": 8, "std": 0.012, "batch": 512, "hidden": "[128]"},
    "SimpleES": {"population": 8, "std": 0.04, "batch": 512, "hidden": "[128]"},
}


def drawn(algorithm: str, n: int) -> list[dict[str, Any]]:
    """Return settings of an algorithm at random, the same every time."""
    rng = np.random.default_rng(_SEED)
    settings = []
    for _ in range(n):
        one: dict[str, Any] = {
            "population": int(rng.choice([8, 32, 128])),
            "std": float(f"{10 ** rng.uniform(-2.5, -0.5):.2g}"),
            "batch": int(rng.choice([128, 256, 512])),
            "hidden": str(rng.choice(["[128]", "[128,128]"])),
        }
        rate = float(f"{10 ** rng.uniform(-3, -0.5):.2g}")
        settings.append(one | ({"lr": rate} if algorithm == "Open_ES" else {}))
    return settings


def evosax(
    algorithm: str, settings: Mapping[str, Any], seed: int, seconds: float, *more: str
) -> tuple[float, int]:
    """Train with evosax; return the test error rate and how many generations there were.

    `more`: further overrides of the trial whose images and initial weights it gets.
    """
    from studies.benchmarks.evosax_peer import train

    asked = [
        "experiment=ladder",
        "dist=backprop",
        f"seed={seed}",
        f"network.hidden={settings['hidden']}",
    ]
    trial = trial_of([*asked, "network.init_scale=0.05", *more])
    errors, generations = train(
        trial, {"algorithm": algorithm, "optimizer": "adam", **settings}, seed, seconds
    )
    return errors / len(trial.split.test_labels), generations


def ours(rung: str, seed: int, seconds: float, threads: int) -> float:
    """Train on a rung of the ladder; return the test error rate."""
    asked = ["experiment=ladder", f"rung={rung}", f"seed={seed}", f"train_seconds={seconds}"]
    trial = trial_of([*asked, "forward_passes=null"], threads)
    deque(trial.train(), maxlen=0)
    return trial.test().error_rate


def search(seconds: float, threads: int, path: Path) -> dict[str, dict[str, Any]]:
    """Try settings of each algorithm on validation images, write all to a file; return the best."""
    best: dict[str, tuple[float, dict[str, Any]]] = {}
    with path.open("w", newline="", buffering=1) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("algorithm", "settings", "validation error, %", "generations"))
        for algorithm in EVOSAX:
            for settings in drawn(algorithm, _DRAWN):
                with own_process(threads) as process:
                    rate, steps = process.submit(
                        evosax, algorithm, settings, _SEED, seconds, _VALIDATION
                    ).result()
                writer.writerow((algorithm, _text(settings), f"{100 * rate:.2f}", steps))
                print(f"{algorithm}: {_text(settings)}: {100 * rate:.1f}% wrong", flush=True)
                if algorithm not in best or rate < best[algorithm][0]:
                    best[algorithm] = rate, settings
    return {algorithm: settings for algorithm, (_, settings) in best.items()}


def race(
    seconds: float, threads: int, seeds: Sequence[int], peers: Mapping[str, Mapping[str, Any]]
) -> str:
    """Let every contender train with every seed, turn and turn about; return the table."""
    reached: dict[str, list[float]] = {}
    for seed in seeds:
        for rung in RUNGS:
            with own_process(threads) as process:
                rate = process.submit(ours, rung, seed, seconds, threads).result()
            reached.setdefault(rung, []).append(100 * rate)
        for name, settings in peers.items():
            with own_process(threads) as process:
                rate, _ = process.submit(evosax, name, settings, seed, seconds).result()
            reached.setdefault(f"evosax {name}", []).append(100 * rate)
    rows = [
        (
            name,
            f"{median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})",
            _text(peers.get(name.removeprefix("evosax "), {})) or f"`rung={name}`",
        )
        for name, rates in reached.items()
    ]
    return markdown(("contender", f"test error after {seconds:g} s, %", "settings"), rows)


def _text(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


@at_the_edge("studies.benchmarks.race")
def main() -> None:
    """Search settings if asked to, then race."""
    parser = argparse.ArgumentParser("python -m studies.benchmarks.race", description=__doc__)
    parser.add_argument("--search", action="store_true", help="settings for evosax (minutes)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run; default: 10")
    parser.add_argument("--seeds", type=int, default=3, help="how many; default: 3")
    parser.add_argument("--threads", type=int, default=min(2, launchers.available()))
    add_page(parser, "benchmark")
    options = parser.parse_args()
    require(["evosax"])
    page = Page(options.output, options.page)
    peers = EVOSAX
    if options.search:
        peers = search(options.seconds, options.threads, page.folder / "ladder_evosax.csv")
    page.table("evosax", race(options.seconds, options.threads, range(options.seeds), peers))


if __name__ == "__main__":
    main()
