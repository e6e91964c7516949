"""The tables of docs/feedback.md, of the rows of its results."""

import itertools

import pandas as pd

from noise_exp.report.pairs import differences
from studies import results
from studies.comparison import by_seed, difference_of, mean, percent
from studies.comparison import table as compared
from studies.feedback.cells import BASELINES, FEEDBACK, LEARNED_OR_FIXED, NETWORKS, name_of
from studies.protocol import rounded

_COMMON = ("network.hidden", "network.init_scale", "batch_size", "optimizer.lr")
_REFERENCES = ("shallow", "backprop")


def by_passes(runs: pd.DataFrame, passes: int) -> pd.DataFrame:
    """One row per method at a budget: test errors, against two references, seconds of a pass."""
    cells = runs.cell.str.startswith(f"{passes}/")
    if not cells.any():
        return pd.DataFrame()
    own = runs[cells | (runs.cell == "baselines")]
    table = compared(own, "preset", [*FEEDBACK, *BASELINES], _REFERENCES, ".1f")
    table.insert(0, "feedback", table.method.map(FEEDBACK).fillna("-"))
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
    wide = {}
    for hidden in NETWORKS:
        own = runs[runs.cell.str.startswith(f"networks/{name_of(hidden)}/")]
        if len(own):
            wide[hidden] = by_seed(own, "preset")
    found = {
        (preset, hidden): differences(errors, preset, "learned_feedback")
        for hidden, errors in wide.items()
        for preset in map(str, errors)
        if preset != "learned_feedback" and "learned_feedback" in errors
    }
    presets = [p for p in FEEDBACK if any(p in errors for errors in wide.values())]

    def cell(preset: str, hidden: str) -> str:
        errors = wide[hidden]
        if preset not in errors:
            return "-"
        text = mean(list(errors[preset].dropna()))
        if (preset, hidden) not in found:
            return text
        return f"{text} ({difference_of(found[preset, hidden], len(found))})"

    return pd.DataFrame(
        {"preset": preset} | {f"{hidden}, %": cell(preset, hidden) for hidden in wide}
        for preset in presets
    )


def by_sampler(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per distribution: test errors by preset, of the noise as drawn and transformed."""
    runs = runs.assign(error=percent(runs), dist=runs.dist.str.removeprefix("more/"))
    columns = ["preset", "noise_transform"]
    table = runs.pivot_table("error", "dist", columns, lambda e: mean(list(e)), sort=False)
    table.columns = pd.Index([", ".join(column) + ", %" for column in table.columns.to_list()])
    return table.fillna("-").rename_axis("distribution").reset_index()


def by_seconds(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per method of one scalar per step, ours and evosax's, after ten seconds.

    Differences are to the best of ours, `low_rank_es`.
    """
    own = runs[runs.cell.str.startswith("10s/")]
    own = own.assign(method=own.cell.str.removeprefix("10s/"))
    return compared(own, "method", list(FEEDBACK), ["low_rank_es"], ".1f")
