"""`python -m studies.benchmarks.race`: how far one scalar per step goes in equal seconds.

Ten digits: presets with so much feedback, in the settings that were found, against evosax's
evolution strategies.
"""

import argparse
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from noise_exp.errors import at_the_edge
from noise_exp.job import launchers
from noise_exp.job.describe import trial_of
from noise_exp.writing import markdown
from studies.benchmarks.turns import own_process, require
from studies.pages import Page, add_page

PRESETS = ("low_rank_es", "spsa", "es", "hill_climb")

# The best of ten that were drawn at random and measured on validation images, of each algorithm:
# docs/figures/feedback_evosax.csv has all.
EVOSAX: dict[str, dict[str, Any]] = {
    "Open_ES": {"population": 32, "std": 0.036, "batch": 128, "hidden": "[128]", "lr": 0.0051},
    "SNES": {"population": 8, "std": 0.012, "batch": 512, "hidden": "[128]"},
    "SimpleES": {"population": 8, "std": 0.04, "batch": 512, "hidden": "[128]"},
}


def evosax(
    algorithm: str, settings: Mapping[str, Any], seed: int, seconds: float
) -> tuple[float, int]:
    """Train with evosax; return the test error rate and how many generations there were."""
    from studies.benchmarks.evosax_peer import train

    asked = [
        "experiment=feedback",
        "dist=backprop",
        f"seed={seed}",
        f"network.hidden={settings['hidden']}",
    ]
    trial = trial_of([*asked, "network.init_scale=0.05"])
    errors, generations = train(
        trial, {"algorithm": algorithm, "optimizer": "adam", **settings}, seed, seconds
    )
    return errors / len(trial.split.test_labels), generations


def ours(preset: str, seed: int, seconds: float, threads: int) -> float:
    """Train with a preset; return the test error rate."""
    asked = ["experiment=feedback", f"preset={preset}", f"seed={seed}", f"train_seconds={seconds}"]
    trial = trial_of([*asked, "forward_passes=null"], threads)
    deque(trial.train(), maxlen=0)
    return trial.test().error_rate


def race(
    seconds: float, threads: int, seeds: Sequence[int], peers: Mapping[str, Mapping[str, Any]]
) -> str:
    """Let every contender train with every seed, turn and turn about; return the table."""
    reached: dict[str, list[float]] = {}
    for seed in seeds:
        for preset in PRESETS:
            with own_process(threads) as process:
                rate = process.submit(ours, preset, seed, seconds, threads).result()
            reached.setdefault(preset, []).append(100 * rate)
        for name, settings in peers.items():
            with own_process(threads) as process:
                rate, _ = process.submit(evosax, name, settings, seed, seconds).result()
            reached.setdefault(f"evosax {name}", []).append(100 * rate)
    rows = [
        (
            name,
            f"{median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})",
            _text(peers.get(name.removeprefix("evosax "), {})) or f"`preset={name}`",
        )
        for name, rates in reached.items()
    ]
    return markdown(("contender", f"test error after {seconds:g} s, %", "settings"), rows)


def _text(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


@at_the_edge("studies.benchmarks.race")
def main() -> None:
    """Race, and write the table."""
    parser = argparse.ArgumentParser("python -m studies.benchmarks.race", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run; default: 10")
    parser.add_argument("--seeds", type=int, default=3, help="how many; default: 3")
    parser.add_argument("--threads", type=int, default=min(2, launchers.available()))
    add_page(parser, "benchmark")
    options = parser.parse_args()
    require(["evosax"])
    page = Page(options.output, options.page)
    page.table("evosax", race(options.seconds, options.threads, range(options.seeds), EVOSAX))


if __name__ == "__main__":
    main()
