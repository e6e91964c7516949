"""The tables of docs/ladder.md."""

import tracemalloc
from collections import deque

import numpy as np
import pandas as pd

from noise_exp.run.describe import trial_of
from noise_exp.training import article
from studies.learning.rungs import (
    TOLD,
    Rungs,
    budget,
    cell,
    depth,
    interval,
    network,
    pair,
    percent,
    units,
)
from studies.learning.sweeps import error_rate

_LEARNED, _FIXED = "learned_feedback", ("feedback_alignment", "direct_feedback_alignment")
_COMMON = ("network.hidden", "network.init_scale", "batch_size", "optimizer.lr")
_PARTS = ("estimator.", "optimizer.")
_TIMED, _REPEATS = 6, 3  # forward passes


def searched(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: its trials, the best one's settings and what it reached."""
    rows = []
    for rung, trials in rungs.items():
        best = min(trials, key=lambda trial: trial.score)
        settings = best.settings
        own = [k for k in settings if k.startswith(_PARTS) and k not in _COMMON]
        rows.append(
            {"rung": rung, "trials": str(len(trials))}
            | {key.rpartition(".")[2]: _short(settings.get(key, "-")) for key in _COMMON}
            | {
                "its own": " ".join(f"{k.rpartition('.')[2]}={_short(settings[k])}" for k in own),
                "validation images wrong, %": f"{100 * best.errors / best.images:.1f}",
            }
        )
    return pd.DataFrame(rows)


def by_passes(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: test errors in percent at each budget of passes, seconds of training."""
    budgets = sorted({budget(record) for group in rungs.values() for record in group})
    rows = []
    for rung, group in rungs.items():
        row = {"told": TOLD[rung], "rung": rung}
        for most in budgets:
            row[f"{most:,g} passes, %"] = percent(r for r in group if budget(r) == most)
        last = [r.seconds for r in group if budget(r) == budgets[-1]]
        row[f"seconds of {budgets[-1]:,g}"] = f"{np.median(last):.0f}" if last else "-"
        rows.append(row)
    return pd.DataFrame(rows)


def by_seconds(rungs: Rungs) -> pd.DataFrame:
    """One row per rung: test errors in percent after equal seconds, and the passes they bought."""
    return pd.DataFrame(
        {
            "told": TOLD[rung],
            "rung": rung,
            "test error, %": percent(group),
            "forward passes": f"{np.median([r.final('forward_passes') for r in group]):,.0f}",
        }
        for rung, group in rungs.items()
    )


def by_law(rungs: Rungs) -> pd.DataFrame:
    """One row per law, one column per rung: test errors in percent."""
    return pd.DataFrame(
        {"law": law} | {f"{rung}, %": percent(r for r in group if r.dist == law)
                        for rung, group in rungs.items()}
        for law in _laws(rungs)
    )  # fmt: skip


def by_rung(rungs: Rungs) -> pd.DataFrame:
    """One row per rung, one column per law: test errors in percent."""
    return pd.DataFrame(
        {"told": TOLD[rung], "rung": rung}
        | {f"{law}, %": percent(r for r in group if r.dist == law) for law in _laws(rungs)}
        for rung, group in rungs.items()
    )


def _laws(rungs: Rungs) -> list[str]:
    """Return the laws of the runs, in the article's order."""
    letters = {r.dist: r.letter or "~" for group in rungs.values() for r in group}
    return sorted(letters, key=letters.__getitem__)


def against_fixed(rungs: Rungs) -> pd.DataFrame:
    """Each fixed feedback's test error beside the learned one's, paired by seed and network."""
    learned = {pair(r): error_rate(r) for r in rungs.get(_LEARNED, [])}
    rows = []
    for hidden in sorted({network(r) for group in rungs.values() for r in group}, key=_size):
        for rung in _FIXED:
            fixed = {pair(r): error_rate(r) for r in rungs.get(rung, []) if network(r) == hidden}
            pairs = sorted(set(fixed) & set(learned))
            if not pairs:
                continue
            more = [100 * (fixed[pair] - learned[pair]) for pair in pairs]
            mean, reach = interval(more)
            rows.append(
                {
                    "hidden layers": hidden,
                    "fixed feedback": rung,
                    "seeds": str(len(pairs)),
                    "fixed, %": cell([100 * fixed[pair] for pair in pairs]),
                    "learned, %": cell([100 * learned[pair] for pair in pairs]),
                    "fixed minus learned, points": cell(more, signed=True),
                    "which is better": "level" if not abs(mean) > reach
                    else "learned" if mean > 0 else "fixed",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def by_depth(rungs: Rungs) -> pd.DataFrame:
    """One row per rung, one column per number of hidden layers: test errors in percent."""
    depths = sorted({depth(r) for group in rungs.values() for r in group})
    return pd.DataFrame(
        {"rung": rung} | {f"{n} hidden, %": percent(r for r in group if depth(r) == n)
                          for n in depths}
        for rung, group in rungs.items()
    )  # fmt: skip


def costs(threads: int) -> pd.DataFrame:
    """One row per rung: milliseconds of a pass on the article's network, and memory.

    Memory is what training holds at most beyond the trial: images, network and initial weights.
    """
    rows = []
    for rung in TOLD:
        asked = ["experiment=ladder", f"rung={rung}", f"forward_passes={_TIMED}"]
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
        rows.append({"rung": rung, "ms per pass": f"{1e3 * np.median(seconds):.0f}",
                     "MB": f"{most / 1e6:.0f}"})  # fmt: skip
    return pd.DataFrame(rows)


def _size(hidden: str) -> tuple[int, list[int]]:
    return len(units(hidden)), units(hidden)


def _short(value: str) -> str:
    try:
        return value if value.isdigit() else f"{float(value):.2g}"
    except ValueError:
        return value
