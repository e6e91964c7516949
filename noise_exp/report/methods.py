"""The one table of methods: for the terminal, the page, the csv file and the sweep's own run.

A new column is a number in `summarise`, a cell in `methods_table`, and a line in docs/seeds.md.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from noise_exp.report.intervals import Interval, bootstrap, interquartile_mean, wilson
from noise_exp.report.runs import Runs, rows_of
from noise_exp.writing.numbers import UNKNOWN, count, number, spread
from noise_exp.writing.tables import without_empty

if TYPE_CHECKING:
    from noise_exp.report.build import Report

# Columns for people, by where the table is shown; the page's are of several seeds or of one.
SEVERAL = (
    "", "method", "seeds", "median", "interquartile mean", "95% BCa", "best", "worst", "worst seed",
    "wrong", "Wilson", "beats constant", "beats ink", "few", "missing", "failed", "diverged",
)  # fmt: skip
ONE = (
    "", "method", "wrong", "Wilson", "median", "final cost", "seconds", "passes", "failed",
    "diverged",
)  # fmt: skip
TERMINAL = (
    "", "method", "seeds", "failed", "diverged", "reused", "wrong", "median", "final cost",
    "seconds", "cost / backprop's", "time / backprop's",
)  # fmt: skip
_COUNTS = ("missing", "failed", "diverged", "reused")
_BASELINES = {"constant_errors": "best constant", "ink_errors": "ink counter"}
_SHARED = Interval(note="cells share seeds")


def summarise(runs: Runs, at_most: int | None = None) -> pd.DataFrame:
    """Return one row per method, then one per baseline and data set.

    Columns: letter, method, baseline (whether it is one: it needs no training), runs, seeds (with
    a finite outcome), missing (blocks without one), failed, diverged, reused (from earlier
    sweeps); of the outcome over seeds: median, iqm (interquartile mean), iqm_low and iqm_high
    (95% BCa bootstrap), note (on the interval), best, worst, worst_block; of all seeds together:
    errors and images (misclassified and all), wilson_low and wilson_high (as if all images were
    independent); beats_constant of constant_seeds seeds, with constant_low and constant_high
    (Wilson), and beats_ink; with `at_most`, how many seeds have at most so many errors, and its
    interval; medians over the runs: wrong and of (images of one run), final_cost, train_seconds;
    cost_vs_backprop and time_vs_backprop (ratios of these to the method backprop, not a number
    where there is none, or more than one data set).

    Runs of a crossed design share seeds: they have no intervals over seeds.
    """
    rows = [
        _row(name, runs.table[runs.table.method == name], runs.blocks, at_most, not runs.crossed)
        for name in runs.methods
    ]
    rows += [_row(name, rows, None, at_most, True) for name, rows in _baselines(runs)]
    table = pd.DataFrame(rows)
    backprop = table[(table.method == "backprop") & (len(runs.data_sets) <= 1)]
    for ratio, of in (("cost_vs_backprop", "final_cost"), ("time_vs_backprop", "train_seconds")):
        table[ratio] = table[of] / backprop[of].iloc[0] if len(backprop) else math.nan
    return table


def _baselines(runs: Runs) -> list[tuple[str, pd.DataFrame]]:
    """Return what needs no training, as methods of their own: one row per split of the data."""
    if runs.outcome != f"{runs.part}_error_rate":
        return []
    found = []
    for column, name in _BASELINES.items():
        known = runs.table.dropna(subset=[column])
        for data_set, rows in known.groupby("data_set"):
            splits = rows.drop_duplicates("data")
            own = splits.assign(
                letter="", error=None, diverged=False, reused=False, errors=splits[column],
                outcome=splits[column] / splits.images, block="data=" + splits.data.astype(str),
                final_cost=math.nan, train_seconds=math.nan,
            )  # fmt: skip
            where = f", {data_set}" if len(runs.data_sets) > 1 else ""
            found.append((f"({name}{where})", own))
    return found


def _row(
    name: str, rows: pd.DataFrame, blocks: int | None, at_most: int | None, independent: bool
) -> dict[str, object]:
    """Return a method's row; a baseline, without `blocks`, misses none and is not compared."""
    finite = rows.dropna(subset=["outcome"])
    values = finite.outcome.to_numpy(float)
    interval = bootstrap(values, interquartile_mean) if independent else _SHARED
    counted = rows.dropna(subset=["errors", "images"])
    errors, images = int(counted.errors.sum()), int(counted.images.sum())
    pooled = wilson(errors, images)
    row: dict[str, object] = {
        "letter": rows.letter.iloc[0],
        "method": name,
        "baseline": blocks is None,
        "runs": len(rows),
        "seeds": len(values),
        "missing": 0 if blocks is None else blocks - len(values),
        "failed": int(rows.error.notna().sum()),
        "diverged": int(rows.diverged.sum()),
        "reused": int(rows.reused.sum()),
        "median": finite.outcome.median(),
        "iqm": float(interquartile_mean(values)) if len(values) else math.nan,
        "iqm_low": interval.low,
        "iqm_high": interval.high,
        "note": interval.note,
        "best": finite.outcome.min(),
        "worst": finite.outcome.max(),
        "worst_block": finite.block.iloc[int(values.argmax())] if len(values) else "",
        "errors": errors,
        "images": images,
        "wilson_low": pooled.low,
        "wilson_high": pooled.high,
        "wrong": rows.errors.median(),
        "of": counted.images.median(),
        "final_cost": rows.final_cost.median(),
        "train_seconds": rows.train_seconds.median(),
    }
    rivals = counted.head(0) if blocks is None else counted
    for baseline in ("constant", "ink"):
        known = rivals.dropna(subset=[f"{baseline}_errors"])
        beats = known.errors < known[f"{baseline}_errors"]
        row |= _share(beats, f"beats_{baseline}", baseline, independent)
        row[f"{baseline}_seeds"] = len(known)
    if at_most is not None:
        row |= _share(counted.errors <= at_most, "few", "few", independent)
    return row


def _share(of: pd.Series, name: str, interval: str, independent: bool) -> dict[str, float]:
    """Return on how many seeds something holds, with Wilson's interval of the share."""
    held = int(of.sum())
    share = wilson(held, len(of)) if independent else _SHARED
    return {name: held, f"{interval}_low": share.low, f"{interval}_high": share.high}


def methods_table(
    report: "Report", columns: Sequence[str], rows: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return columns of the table as text for people, without those that say nothing.

    `rows`: of the report's summary; all of them where not given.
    """
    at_most, target, passes = report.choices.at_most, report.choices.target, {}
    if "passes" in columns:
        passes = report.targets.set_index("method").forward_passes_median.to_dict()

    def cells(r: Any) -> dict[str, str]:
        return {
            "": r.letter,
            "method": r.method,
            "seeds": "" if report.one_seed else f"{r.seeds}",
            "median": number(r.median),
            "interquartile mean": number(r.iqm),
            "95% BCa": spread(r.iqm_low, r.iqm_high, r.note),
            "best": number(r.best),
            "worst": number(r.worst),
            "worst seed": r.worst_block,
            "wrong": f"{r.errors} of {r.images}" if r.images else UNKNOWN,
            "Wilson": spread(r.wilson_low, r.wilson_high, form="{:.1%}"),
            "beats constant": count(
                r.constant_low, r.constant_high, r.beats_constant, r.constant_seeds
            ),
            "beats ink": count(r.ink_low, r.ink_high, r.beats_ink, r.ink_seeds),
            "few": count(r.few_low, r.few_high, r.few, r.seeds) if at_most is not None else "",
            "final cost": "" if r.baseline else number(r.final_cost),
            "seconds": "" if r.baseline else number(r.train_seconds, "{:.2f}"),
            "cost / backprop's": number(r.cost_vs_backprop, "{:.2f}"),
            "time / backprop's": number(r.time_vs_backprop, "{:.2f}"),
            "passes": number(passes.get(r.method, math.nan)),
            **{what: f"{getattr(r, what) or ''}" for what in _COUNTS},
        }

    shown = rows_of(report.summary if rows is None else rows)
    table = without_empty(pd.DataFrame(map(cells, shown))[list(columns)])
    headings = {"few": f"at most {at_most} wrong", "passes": f"passes to {target}"}
    if columns is not SEVERAL:  # on a page the title says what the median is of
        outcome = report.runs.outcome
        headings["median"] = outcome if report.one_seed else f"median {outcome}"
    return table.rename(columns=headings)
