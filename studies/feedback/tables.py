"""The tables of docs/feedback.md, of the rows of its results."""

import itertools

import pandas as pd

from noise_exp.report.pairs import differences
from studies import results
from studies.comparison import by_seed, difference_of, interval, mean, percent
from studies.comparison import table as compared
from studies.feedback.cells import (
    BASELINES,
    FEEDBACK,
    LEARNED_OR_FIXED,
    NETWORKS,
    TIMED,
    name_of,
)
from studies.protocol import rounded

_COMMON = ("network.hidden", "network.init_scale", "batch_size", "optimizer.lr")
_REFERENCES = ("shallow", "backprop")


def by_passes(runs: pd.DataFrame, passes: int) -> pd.DataFrame:
    """One row per method at a budget: test errors, against two references, seconds of a pass."""
    own = _beside_baselines(runs, f"{passes}/")
    if own.empty:
        return own
    table = compared(own, "preset", [*FEEDBACK, *BASELINES], _REFERENCES, ".1f")
    table.insert(0, "feedback", table.method.map(FEEDBACK).fillna("-"))
    hidden = own[own["network.hidden"] != ""].groupby("preset")["network.hidden"].first()
    table.insert(2, "hidden", table.method.map(hidden).fillna("-"))
    pace = (1e3 * own.seconds / own.work).groupby(own.preset).median()
    shown = pace.dropna().map("{:.0f}".format)
    return table.assign(**{"ms per pass": table.method.map(shown).fillna("-")})


def by_feedback_weights(runs: pd.DataFrame, passes: int) -> pd.DataFrame:
    """One row per method with feedback weights at a budget: test errors, against learned ones."""
    own = runs[runs.cell.isin([f"{passes}/{preset}" for preset in LEARNED_OR_FIXED])]
    if own.empty:
        return own
    return compared(own, "preset", LEARNED_OR_FIXED, ["learned_feedback"], ".1f")


def searched(trials: pd.DataFrame, budgets: tuple[int, ...]) -> pd.DataFrame:
    """One row per preset and budget: its trials, the best one's settings and what it reached."""
    rows = []
    for preset, passes in itertools.product(FEEDBACK, budgets):
        own = trials[trials.cell == f"{passes}/{preset}"]
        if own.empty:
            continue
        best = {key: rounded(value) for key, value in results.best(own, own.cell.iloc[0]).items()}
        parts = [k for k in best if k.startswith(("estimator.", "optimizer.")) and k not in _COMMON]
        rows.append(
            {"preset": preset, "passes": f"{passes:,}", "trials": str(len(own))}
            | {_short(key): best.get(key, "-") for key in _COMMON}
            | {
                "its own": " ".join(f"{_short(key)}={best[key]}" for key in parts),
                "validation images wrong, %": f"{percent(own).min():.1f}",
            }
        )
    return pd.DataFrame(rows)


def _short(key: str) -> str:
    return key.rpartition(".")[2]


def by_network(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per preset, one column per network: test errors, and against learned feedback."""
    own = {hidden: _beside_baselines(runs, f"networks/{name_of(hidden)}/") for hidden in NETWORKS}
    wide = {hidden: by_seed(rows, "preset") for hidden, rows in own.items() if len(rows)}
    found = {
        (preset, hidden): differences(errors, preset, "learned_feedback")
        for hidden, errors in wide.items()
        for preset in map(str, errors)
        if preset != "learned_feedback" and "learned_feedback" in errors
    }
    presets = [p for p in (*FEEDBACK, *BASELINES) if any(p in errors for errors in wide.values())]

    def cell(preset: str, hidden: str) -> str:
        errors = wide[hidden]
        if preset not in errors:
            return "-"
        text = mean(list(percent(own[hidden][own[hidden].preset == preset])))
        if (preset, hidden) not in found:
            return text
        return f"{text} ({difference_of(found[preset, hidden], len(found))})"

    return pd.DataFrame(
        {"preset": preset} | {f"{hidden}, %": cell(preset, hidden) for hidden in wide}
        for preset in presets
    )


def by_sampler(sampled: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """One row per distribution: test errors by preset, of the noise as drawn and transformed.

    What does not learn is said: its interval, which holds at once with all others, is not below the
    constant answer of the baselines in `runs`.
    """
    columns = ["preset", "noise_transform"]
    cells = sampled.groupby(["dist", *columns]).ngroups
    constant = percent(runs[runs.preset == "constant_answer"]).max()

    def cell(errors: pd.Series) -> str:
        middle, reach = interval(list(errors), cells)
        learns = middle + reach < constant
        return mean(list(errors)) + ("" if learns else ": not shown to learn")

    own = sampled.assign(error=percent(sampled), dist=sampled.dist.str.removeprefix("more/"))
    table = own.pivot_table("error", "dist", columns, cell, sort=False)
    table.columns = pd.Index([", ".join(column) + ", %" for column in table.columns.to_list()])
    return table.fillna("-").rename_axis("distribution").reset_index()


def by_seconds(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method of one scalar per step, ours and evosax's, after ten seconds."""
    own = _beside_baselines(runs, TIMED)
    if own.empty:
        return own
    own = own.assign(method=own.cell.str.removeprefix(TIMED).where(own.seed != "", own.preset))
    order = [*FEEDBACK, *own.method[own.seed != ""], *BASELINES]
    return compared(own, "method", order, ["low_rank_es"], ".1f")


def _beside_baselines(runs: pd.DataFrame, cells: str) -> pd.DataFrame:
    """Return the runs of the cells that begin so, if there are any, and the baselines."""
    own = runs.cell.str.startswith(cells)
    return runs[own | (runs.cell == "baselines")] if own.any() else runs[own]
