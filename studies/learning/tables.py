"""The tables of docs/learning.md."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from noise_exp.runs.record import Record
from noise_exp.writing import markdown_of
from studies.learning.sweeps import by_method, error_rate, interval, verdict


def methods(runs: Sequence[Record]) -> str:
    """One row per method: test errors, the difference to back propagation, passes.

    Differences are paired by seed, so by split; equal `network.init_scale` pairs weights too. Their
    intervals hold all at once.
    """
    groups = by_method(runs)
    reference = _by_seed(groups.get("backprop", []))
    shared = {
        name: [100 * (own[s] - reference[s]) for s in own if s in reference]
        for name, own in ((name, _by_seed(group)) for name, group in groups.items())
        if name != "backprop"
    }
    comparisons = sum(map(bool, shared.values()))
    rows = []
    for name, group in groups.items():
        more = shared.get(name)
        rows.append(
            {
                "method": name,
                "seeds": str(len(group)),
                "test error, %": _pm([100 * error_rate(run) for run in group]),
                "worst seed": f"{max(r.errors for r in group):g} of {group[0].images:g}",
                "minus backprop, points": _pm(more, comparisons, True) if more else "-",
                "verdict": verdict(more, comparisons) if more else "",
                "passes": f"{group[0].final('forward_passes'):.1f}",
            }
        )
    return markdown_of(pd.DataFrame(rows))


def layers(runs: Sequence[Record]) -> str:
    """Test error by which layers learned: one row per set of layers, one column per method."""
    cells: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        frozen = run.settings.get("network.frozen", "[]")
        learned = [str(i) for i in (1, 2, 3) if str(i) not in frozen]
        row = cells.setdefault(" ".join(learned), {})
        row.setdefault(run.dist, []).append(100 * error_rate(run))
    names = sorted({name for row in cells.values() for name in row})
    rows = [
        {"layers that learn": learned}
        | {f"{name}, %": _pm(row[name]) if name in row else "-" for name in names}
        for learned, row in sorted(cells.items(), key=lambda item: (len(item[0]), item[0]))
    ]
    return markdown_of(pd.DataFrame(rows))


def floors(found: Mapping[str, Sequence[float]]) -> str:
    """One row per floor: its test error rates over seeds."""
    rows = [
        {"floor": name, "test error, %": _pm([100 * rate for rate in rates])}
        for name, rates in found.items()
    ]
    return markdown_of(pd.DataFrame(rows))


def grid(runs: Sequence[Record]) -> str:
    """Test error of every estimator (rows) with every optimizer (columns), medians in percent."""
    frame = pd.DataFrame(
        {
            "estimator": [run.settings["estimator"] for run in runs],
            "optimizer": [run.settings["optimizer"] for run in runs],
            "error": [100 * error_rate(run) for run in runs],
        }
    )
    table = frame.pivot_table("error", "estimator", "optimizer", "median", sort=False)
    return markdown_of(table.map(lambda v: f"{v:.1f}").reset_index())


def seconds(timings: Sequence[tuple[str, float, int]], article: float) -> str:
    """One row per method (name, seconds, test errors), beside the article's way in seconds."""
    rows = [
        {
            "method": name,
            "seconds": f"{taken:.2f}",
            "test images wrong": str(wrong),
            "of the article's back propagation": f"{taken / article:.2f}",
        }
        for name, taken, wrong in timings
    ]
    rows.append(
        {
            "method": "back propagation, the article's way: float64, 100 epochs",
            "seconds": f"{article:.2f}",
            "test images wrong": "",
            "of the article's back propagation": "1",
        }
    )
    return markdown_of(pd.DataFrame(rows))


def _by_seed(runs: Sequence[Record]) -> dict[str, float]:
    return {run.params["seed"]: error_rate(run) for run in runs}


def _pm(values: Sequence[float], comparisons: int = 1, signed: bool = False) -> str:
    mean, reach = interval(values, comparisons)
    text = f"{mean:+.2f}" if signed else f"{mean:.2f}"
    return text if math.isnan(reach) else f"{text} ± {reach:.2f}"
