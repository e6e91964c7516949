"""Each method by itself: where its seeds lie."""

import math

import numpy as np
import pandas as pd

from noise_exp.report.intervals import Interval, bootstrap, interquartile_mean, wilson
from noise_exp.report.runs import Runs

_BASELINES = {"constant_errors": "best constant", "ink_errors": "ink counter"}
_SHARED = Interval(note="cells share seeds")


def summarise(runs: Runs, at_most: int | None = None) -> pd.DataFrame:
    """Return one row per method, then one per baseline and data set.

    Columns: method, letter, baseline (whether it is one: it needs no training), seeds (with a
    finite outcome), missing (blocks without one), failed, diverged; of the outcome over seeds:
    median, iqm (interquartile mean), iqm_low and iqm_high (95% BCa bootstrap), note (on the
    interval), best, worst, worst_block; of all seeds together: errors and images (misclassified
    and all), wilson_low and wilson_high (as if all images were independent); beats_constant of
    constant_seeds seeds, with constant_low and constant_high (Wilson), and beats_ink; with
    `at_most`, how many seeds have at most so many errors, and its interval.

    Runs of a crossed design share seeds: they have no intervals over seeds.
    """
    rows = [
        _row(name, runs.table[runs.table.method == name], runs.blocks, at_most, not runs.crossed)
        for name in runs.methods
    ]
    rows += [_row(name, rows, None, at_most, True) for name, rows in _baselines(runs)]
    return pd.DataFrame(rows)


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
                letter="", error=None, diverged=False, errors=splits[column],
                outcome=splits[column] / splits.images, block="data=" + splits.data.astype(str),
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
        "method": name,
        "letter": rows.letter.iloc[0],
        "baseline": blocks is None,
        "seeds": len(values),
        "missing": 0 if blocks is None else blocks - len(values),
        "failed": int(rows.error.notna().sum()),
        "diverged": int(rows.diverged.sum()),
        "median": float(np.median(values)) if len(values) else math.nan,
        "iqm": float(interquartile_mean(values)) if len(values) else math.nan,
        "iqm_low": interval.low,
        "iqm_high": interval.high,
        "note": interval.note,
        "best": float(values.min()) if len(values) else math.nan,
        "worst": float(values.max()) if len(values) else math.nan,
        "worst_block": finite.block.iloc[int(values.argmax())] if len(values) else "",
        "errors": errors,
        "images": images,
        "wilson_low": pooled.low,
        "wilson_high": pooled.high,
    }
    for baseline in ("constant", "ink"):
        row |= _beats(baseline, counted if blocks is not None else counted.head(0), independent)
    if at_most is not None:
        few = int((counted.errors <= at_most).sum())
        share = wilson(few, len(counted)) if independent else _SHARED
        row |= {"few": few, "few_low": share.low, "few_high": share.high}
    return row


def _beats(baseline: str, counted: pd.DataFrame, independent: bool) -> dict[str, object]:
    """Return on how many seeds a method gets fewer wrong than a baseline."""
    known = counted.dropna(subset=[f"{baseline}_errors"])
    beats = int((known.errors < known[f"{baseline}_errors"]).sum())
    share = wilson(beats, len(known)) if independent else _SHARED
    return {
        f"beats_{baseline}": beats,
        f"{baseline}_seeds": len(known),
        f"{baseline}_low": share.low,
        f"{baseline}_high": share.high,
    }
