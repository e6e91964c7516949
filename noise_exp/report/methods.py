"""The one table of methods: for the terminal, the page, the csv file and the sweep's own run.

A new column is a number in `_row` and a line of `COLUMNS`; a test tells what of the two, or of
docs/seeds.md, was forgotten.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from noise_exp.report.intervals import Interval, bootstrap, interquartile_mean, wilson
from noise_exp.report.runs import Runs
from noise_exp.writing import UNKNOWN, count, markdown, number, spread, without_empty

if TYPE_CHECKING:
    from noise_exp.report.build import Report

# Where the table is shown: on the page of several seeds or of one, in the terminal.
SEVERAL, ONE, TERMINAL = "several", "one", "terminal"
_ALL = (SEVERAL, ONE, TERMINAL)
_BASELINES = {"constant_errors": "best constant", "pixel_sum_errors": "pixel-sum threshold"}
_SHARED = Interval(note="cells share seeds")


def _plain(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value or "")


def _hundredths(value: float) -> str:
    return number(value, "{:.2f}")


@dataclass(frozen=True)
class Column:
    """A column of the table of methods.

    Attributes
    ----------
    numbers
        Names of the numbers that it is made of: columns of the csv file, but for `passes`.
    note
        What they are, for docs/seeds.md.
    heading, places, cell
        How people read it, and where; `cell` is given the numbers.
    """

    numbers: str
    note: str
    heading: str = ""
    places: Sequence[str] = ()
    cell: Callable[..., str] = _plain


COLUMNS = (
    Column("letter", "the article's letter", "", _ALL),
    Column("method", "the distribution, with what else varies among its runs", "method", _ALL),
    Column("runs seeds", "runs that count; of these with a finite outcome", "seeds",
           (SEVERAL, TERMINAL), lambda _, seeds: str(seeds)),
    Column("missing", "seeds without an outcome", "missing", (SEVERAL,)),
    Column("failed", "runs that failed", "failed", _ALL),
    Column("diverged", "runs that diverged", "diverged", _ALL),
    Column("reused", "runs that are an earlier sweep's", "reused", (TERMINAL,)),
    Column("median", "of the outcome (`test_error_rate` unless `--outcome` names another) over "
           "seeds", "{median}", _ALL),
    Column("iqm", "mean of the middle half of the seeds", "interquartile mean", (SEVERAL,)),
    Column("iqm_low iqm_high note", "its 95% BCa interval, or why there is none", "95% BCa",
           (SEVERAL,), spread),
    Column("best", "lowest outcome", "best", (SEVERAL,)),
    Column("worst", "highest outcome", "worst", (SEVERAL,)),
    Column("worst_block", "which seed has that", "worst seed", (SEVERAL,)),
    Column("errors images", "wrong images of all seeds together, of how many", "wrong", _ALL,
           lambda errors, images: f"{errors} of {images}" if images else UNKNOWN),
    Column("wilson_low wilson_high", "Wilson's 95% interval of their share, as if all images were "
           "independent", "Wilson", (SEVERAL, ONE),
           lambda low, high: spread(low, high, form="{:.1%}")),
    Column("{part}_errors {part}_size", "medians over the runs: wrong images, of how many; of "
           "validation images `validation_errors` and `validation_size`"),
    Column("final_cost", "median over the runs", "final cost", (ONE, TERMINAL)),
    Column("train_seconds", "median over the runs", "seconds", (ONE, TERMINAL), _hundredths),
    Column("beats_constant constant_low constant_high constant_seeds", "seeds with fewer wrong "
           "than the best constant answer, Wilson's 95% interval of their share, of how many",
           "beats constant", (SEVERAL,), count),
    Column("beats_pixel_sum pixel_sum_low pixel_sum_high pixel_sum_seeds", "the same of the "
           "pixel-sum threshold", "beats pixel sum", (SEVERAL,), count),
    Column("few few_low few_high seeds", "with `--at-most`, the same of at most so many wrong",
           "at most {at_most} wrong", (SEVERAL,), count),
    Column("cost_vs_backprop", "ratio of final costs to the method `backprop`, where there is "
           "one, on one data set", "cost / backprop's", (TERMINAL,), _hundredths),
    Column("time_vs_backprop", "the same of seconds", "time / backprop's", (TERMINAL,),
           _hundredths),
    Column("passes", "median forward passes to the target", "passes to {target}", (ONE,)),
)  # fmt: skip


def summarise(runs: Runs, at_most: int | None = None) -> pd.DataFrame:
    """Return one row per method, then one per baseline and data set: the numbers of `COLUMNS`.

    `baseline` says whether a row is one, that is, needs no training. With `at_most`, few is how
    many seeds have at most so many wrong. What there is not is not a number; runs of a crossed
    design share seeds, and have no intervals over them.
    """
    rows = [
        _row(name, runs.table[runs.table.method == name], runs, at_most, False)
        for name in runs.methods
    ]
    rows += [_row(name, rows, runs, at_most, True) for name, rows in _baselines(runs)]
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
    name: str, rows: pd.DataFrame, runs: Runs, at_most: int | None, baseline: bool
) -> dict[str, object]:
    """Return a method's row; a baseline misses no seed, and is compared with none."""
    independent = baseline or not runs.crossed
    finite = rows.dropna(subset=["outcome"])
    values = finite.outcome.to_numpy(float)
    interval = bootstrap(values, interquartile_mean) if independent else _SHARED
    counted = rows.dropna(subset=["errors", "images"])
    errors, images = int(counted.errors.sum()), int(counted.images.sum())
    pooled = wilson(errors, images)
    row = {
        "letter": rows.letter.iloc[0],
        "method": name,
        "baseline": baseline,
        "runs": len(rows),
        "seeds": len(values),
        "missing": 0 if baseline else runs.blocks - len(values),
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
        f"{runs.part}_errors": rows.errors.median(),
        f"{runs.part}_size": counted.images.median(),
        "final_cost": rows.final_cost.median(),
        "train_seconds": rows.train_seconds.median(),
    }

    def share(of: pd.Series, name: str, interval: str) -> None:
        """Tell on how many seeds something holds, with Wilson's interval of the share."""
        found = wilson(int(of.sum()), len(of)) if independent else _SHARED
        row.update(
            {name: int(of.sum()), f"{interval}_low": found.low, f"{interval}_high": found.high}
        )

    for rival in ("constant", "pixel_sum"):
        known = counted.head(0 if baseline else len(counted)).dropna(subset=[f"{rival}_errors"])
        share(known.errors < known[f"{rival}_errors"], f"beats_{rival}", rival)
        row[f"{rival}_seeds"] = len(known)
    if at_most is not None:
        share(counted.errors <= at_most, "few", "few")
    return row


def methods_table(report: "Report", place: str, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the columns of a place as text for people, without those that say nothing.

    `rows`: of the report's summary; all of them where not given.
    """
    rows = report.summary if rows is None else rows
    if place == ONE:
        passes = report.targets.set_index("method").forward_passes_median
        rows = rows.assign(passes=rows.method.map(passes))
    outcome = report.runs.outcome if report.one_seed else f"median {report.runs.outcome}"
    words = {
        "median": "median" if place == SEVERAL else outcome,  # there the title says of what
        "at_most": report.choices.at_most,
        "target": report.choices.target,
    }
    table = {
        column.heading.format(**words): [column.cell(*row) for row in rows[names].to_numpy(object)]
        for column in COLUMNS
        if place in column.places and set(names := column.numbers.split()) <= set(rows)
    }
    if report.one_seed:
        table.pop("seeds", None)
    return without_empty(pd.DataFrame(table))


def explained() -> str:
    """Return what the columns are, in Markdown, as docs/seeds.md holds it."""
    rows = []
    for column in COLUMNS:
        names = column.numbers.format(part="test").split()
        of_csv = ", ".join(f"`{name}`" for name in names if name != "passes")
        heading = column.heading.format(median="median", at_most="N", target="...")
        rows.append((heading, of_csv, column.note))
    return markdown(("column", "in `comparison.csv`", "what it is"), rows)
