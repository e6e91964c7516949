"""Each method by itself: where its seeds lie."""

import math

import numpy as np
import pandas as pd

from noise_exp.report.intervals import bootstrap, interquartile_mean, wilson
from noise_exp.report.runs import Runs

BASELINES = {"constant_errors": "(best constant)", "ink_errors": "(ink counter)"}


def summarise(runs: Runs, at_most: int | None = None) -> pd.DataFrame:
    """Return one row per method.

    Columns: method, letter, seeds (with a finite outcome), missing (blocks without one), failed,
    diverged; of the outcome over seeds: median, iqm (interquartile mean), iqm_low and iqm_high
    (95% BCa bootstrap), note (on the interval), best, worst, worst_block; of all seeds
    together: errors and images (misclassified and all), wilson_low and wilson_high (as if all
    images were independent); beats_constant of constant_seeds seeds, with constant_low and
    constant_high (Wilson), and beats_ink; with `at_most`, how many seeds have at most so many
    errors, and its interval.
    """
    rows = [_row(name, rows, runs.blocks, at_most) for name, rows in _groups(runs)]
    rows += [_row(name, rows, runs.blocks, at_most) for name, rows in _baselines(runs)]
    return pd.DataFrame(rows)


def _groups(runs: Runs) -> list[tuple[str, pd.DataFrame]]:
    return [(name, runs.table[runs.table.method == name]) for name in runs.methods]


def _baselines(runs: Runs) -> list[tuple[str, pd.DataFrame]]:
    """Return what needs no training, as methods of their own: one row per split of the data."""
    found = []
    for column, name in BASELINES.items():
        rows = runs.table.dropna(subset=[column]).drop_duplicates("data").copy()
        if runs.outcome == f"{runs.part}_error_rate" and len(rows):
            rows["errors"], rows["letter"] = rows[column], ""
            rows["outcome"] = rows[column] / rows.images
            rows["block"], rows["error"], rows["diverged"] = (
                "data=" + rows.data.astype(str),
                None,
                False,
            )
            found.append((name, rows))
    return found


def _row(name: str, rows: pd.DataFrame, blocks: int, at_most: int | None) -> dict[str, object]:
    finite = rows.dropna(subset=["outcome"])
    values = finite.outcome.to_numpy(float)
    interval = bootstrap(values, interquartile_mean)
    counted = rows.dropna(subset=["errors", "images"])
    errors, images = int(counted.errors.sum()), int(counted.images.sum())
    pooled = wilson(errors, images)
    row: dict[str, object] = {
        "method": name,
        "letter": rows.letter.iloc[0],
        "seeds": len(values),
        "missing": 0 if name in BASELINES.values() else blocks - len(values),
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
        known = counted.dropna(subset=[f"{baseline}_errors"])
        if name in BASELINES.values():
            known = known.head(0)
        beats = int((known.errors < known[f"{baseline}_errors"]).sum())
        share = wilson(beats, len(known))
        row |= {
            f"beats_{baseline}": beats,
            f"{baseline}_seeds": len(known),
            f"{baseline}_low": share.low,
            f"{baseline}_high": share.high,
        }
    if at_most is not None:
        few = int((counted.errors <= at_most).sum())
        share = wilson(few, len(counted))
        row |= {"few": few, "few_low": share.low, "few_high": share.high}
    return row
