"""The tables of docs/feedback.md."""

import tracemalloc
from collections import deque

import numpy as np
import pandas as pd

from noise_exp.job.describe import trial_of
from noise_exp.training import article
from studies.learning.presets import (
    FEEDBACK,
    Presets,
    budget,
    cell,
    depth,
    network,
    pair,
    percent,
    units,
)
from studies.learning.sweeps import error_rate, verdict

_LEARNED, _FIXED = "learned_feedback", ("feedback_alignment", "direct_feedback_alignment")
_COMMON = ("network.hidden", "network.init_scale", "batch_size", "optimizer.lr")
_PARTS = ("estimator.", "optimizer.")
_TIMED, _REPEATS = 6, 3  # forward passes


def searched(presets: Presets) -> pd.DataFrame:
    """One row per preset: its trials, the best one's settings and what it reached."""
    rows = []
    for preset, trials in presets.items():
        best = min(trials, key=lambda trial: trial.score)
        settings = best.settings
        own = [k for k in settings if k.startswith(_PARTS) and k not in _COMMON]
        rows.append(
            {"preset": preset, "trials": str(len(trials))}
            | {key.rpartition(".")[2]: _short(settings.get(key, "-")) for key in _COMMON}
            | {
                "its own": " ".join(f"{k.rpartition('.')[2]}={_short(settings[k])}" for k in own),
                "validation images wrong, %": f"{100 * best.errors / best.images:.1f}",
            }
        )
    return pd.DataFrame(rows)


def by_passes(presets: Presets) -> pd.DataFrame:
    """One row per preset: test errors in percent at each budget of passes, seconds of training."""
    budgets = sorted({budget(record) for group in presets.values() for record in group})
    rows = []
    for preset, group in presets.items():
        row = {"feedback": FEEDBACK[preset], "preset": preset}
        for most in budgets:
            row[f"{most:,g} passes, %"] = percent(r for r in group if budget(r) == most)
        last = [r.seconds for r in group if budget(r) == budgets[-1]]
        row[f"seconds of {budgets[-1]:,g}"] = f"{np.median(last):.0f}" if last else "-"
        rows.append(row)
    return pd.DataFrame(rows)


def by_seconds(presets: Presets) -> pd.DataFrame:
    """One row per preset: test errors in percent after equal seconds, and the passes made."""
    return pd.DataFrame(
        {
            "feedback": FEEDBACK[preset],
            "preset": preset,
            "test error, %": percent(group),
            "forward passes": f"{np.median([r.final('forward_passes') for r in group]):,.0f}",
        }
        for preset, group in presets.items()
    )


def by_distribution(presets: Presets) -> pd.DataFrame:
    """One row per distribution, one column per preset: test errors in percent."""
    return pd.DataFrame(
        {"distribution": distribution}
        | {
            f"{preset}, %": percent(r for r in group if r.dist == distribution)
            for preset, group in presets.items()
        }
        for distribution in _distributions(presets)
    )  # fmt: skip


def by_preset(presets: Presets) -> pd.DataFrame:
    """One row per preset, one column per distribution: test errors in percent."""
    return pd.DataFrame(
        {"feedback": FEEDBACK[preset], "preset": preset}
        | {
            f"{distribution}, %": percent(r for r in group if r.dist == distribution)
            for distribution in _distributions(presets)
        }
        for preset, group in presets.items()
    )


def _distributions(presets: Presets) -> list[str]:
    """Return the distributions of the runs, in the article's order."""
    letters = {r.dist: r.letter or "~" for group in presets.values() for r in group}
    return sorted(letters, key=letters.__getitem__)


def against_fixed(presets: Presets) -> pd.DataFrame:
    """Each fixed feedback's test error beside the learned one's, paired by seed and network.

    Intervals of the differences hold all at once.
    """
    learned = {pair(r): error_rate(r) for r in presets.get(_LEARNED, [])}
    found = {}
    for hidden in sorted({network(r) for group in presets.values() for r in group}, key=_size):
        for preset in _FIXED:
            both = [
                (100 * error_rate(r), 100 * learned[pair(r)])
                for r in presets.get(preset, [])
                if network(r) == hidden and pair(r) in learned
            ]
            if both:
                found[hidden, preset] = both
    rows = []
    for (hidden, preset), both in found.items():
        more = [fixed - own for fixed, own in both]
        said = verdict(more, len(found))
        rows.append(
            {
                "hidden layers": hidden,
                "fixed feedback": preset,
                "seeds": str(len(both)),
                "fixed, %": cell([fixed for fixed, _ in both]),
                "learned, %": cell([own for _, own in both]),
                "fixed minus learned, points": cell(more, True, len(found)),
                "which is better": {"higher": "learned", "lower": "fixed"}.get(said, said),
            }
        )
    return pd.DataFrame(rows)


def by_depth(presets: Presets) -> pd.DataFrame:
    """One row per preset, one column per number of hidden layers: test errors in percent."""
    depths = sorted({depth(r) for group in presets.values() for r in group})
    return pd.DataFrame(
        {"preset": preset} | {f"{n} hidden, %": percent(r for r in group if depth(r) == n)
                          for n in depths}
        for preset, group in presets.items()
    )  # fmt: skip


def costs(threads: int) -> pd.DataFrame:
    """One row per preset: milliseconds of a pass on the article's network, and memory.

    Memory is what training holds at most beyond the trial: images, network and initial weights.
    """
    rows = []
    for preset in FEEDBACK:
        asked = ["experiment=feedback", f"preset={preset}", f"forward_passes={_TIMED}"]
        asked.append(f"network.hidden={list(article.HIDDEN)}".replace(" ", ""))
        seconds = []
        for _ in range(_REPEATS):
            *_, last = trial_of(asked, threads).train()
            seconds.append(last.train_seconds / last.forward_passes)
        trial = trial_of(asked, threads)
        tracemalloc.start()
        deque(trial.train(), maxlen=0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        rows.append({"preset": preset, "ms per pass": f"{1e3 * np.median(seconds):.0f}",
                     "MB": f"{most / 1e6:.0f}"})  # fmt: skip
    return pd.DataFrame(rows)


def _size(hidden: str) -> tuple[int, list[int]]:
    return len(units(hidden)), units(hidden)


def _short(value: str) -> str:
    try:
        return value if value.isdigit() else f"{float(value):.2g}"
    except ValueError:
        return value
