"""Learned feedback against back propagation: seconds of training to 5% of test images wrong."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from noise_exp.job.describe import trial_of
from noise_exp.training import Trial
from noise_exp.writing import markdown
from studies.benchmarks import turns

_BACKPROP = "backprop"
CONTENDERS = (_BACKPROP, "learned_feedback", "kolen_pollack", "weight_mirror")  # presets
TARGET = 0.05  # of the test images
_PASSES = 100  # at most; the learning rate falls to 0 within them


def feedback(threads: int, rounds: int) -> dict[str, list[float]]:
    """Return seconds to the target by contender, one number per seed."""
    seeds = [(seed,) for seed in range(1, rounds + 1)]
    seconds: dict[str, list[float]] = {}
    for name, _, spent in turns.take_turns(_seconds, CONTENDERS, seeds, threads):
        seconds.setdefault(name, []).append(spent)
    return seconds


def _seconds(contender: str, threads: int, seed: int) -> float:
    """Train in the contender's own process; return the seconds to the target."""
    asked = ["experiment=feedback", f"preset={contender}", f"forward_passes={_PASSES}"]
    trial = trial_of([*asked, f"seed={seed}"], threads)
    turns.settle()
    return reached(trial)


def reached(trial: Trial) -> float:
    """Train until the target is reached; return the seconds of training, infinite if it is not.

    The test images are measured after every epoch, which takes none of them.
    """
    for record in trial.train():
        if trial.test().error_rate <= TARGET:
            return record.train_seconds
    return math.inf


def table(seconds: Mapping[str, Sequence[float]]) -> str:
    """Return seconds, median (lowest to highest), and the median of their ratios in Markdown."""
    rows = []
    for name, spent in seconds.items():
        ratios = [own / theirs for own, theirs in zip(spent, seconds[_BACKPROP], strict=True)]
        took = f"{median(spent):.2f} ({min(spent):.2f}-{max(spent):.2f})"
        rows.append([name, str(len(spent)), took, f"{median(ratios):.2f}"])
    head = ("method", "seeds", f"seconds to {TARGET:.0%} wrong", f"/ {_BACKPROP}, median of seeds")
    return markdown(head, rows)
