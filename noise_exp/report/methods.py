"""The one table of methods: for the terminal, the page, the csv file and the sweep's own run.

A new column is a number in `_row` and a line of `COLUMNS`; a test tells which of the two was
forgotten.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from noise_exp.report.intervals import Interval, of_mean, wilson
from noise_exp.report.runs import Runs
from noise_exp.writing import count, markdown, number, spread, without_empty

if TYPE_CHECKING:
    from noise_exp.report.build import Report

# Where columns are shown: on the page and in the terminal, of one seed on both alike, and where the
# page unfolds.
SEVERAL, TERMINAL, ONE, FOLDED = "several", "terminal", "one", "folded"
_FIRST = (SEVERAL, TERMINAL, ONE)
_ALL = (*_FIRST, FOLDED)
_BASELINES = {"constant_errors": "best constant", "pixel_sum_errors": "pixel-sum threshold"}
_SHARED = Interval(note="cells share seeds")


def _plain(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value or "")


def _hundredths(value: float) -> str:
    return number(value, "{:.2f}")


def _three(value: float) -> str:
    return number(value, "{:+.3g}")


def _short(low: float, high: float, note: str = "") -> str:
    return spread(low, high, note, "{:.3g}")


def moved(seed: str, by: float) -> str:
    """Write which seed moves a mean, and how far."""
    return f"{seed}: {number(by, '{:+.3g}')}" if seed else ""


@dataclass(frozen=True)
class Column:
    """A column of the table of methods.

    Attributes
    ----------
    numbers
        Names of the numbers that it is made of: columns of the csv file, but for `passes`.
    note
        What they are, for who points at the heading and for docs/report.md.
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
    Column("method", "the distribution, with what else varies among its runs; in brackets what "
           "needs no training: the best constant answer, and a threshold on the sum of pixels",
           "method", _ALL),
    Column("runs seeds", "runs that count; of these with a finite outcome", "seeds",
           (SEVERAL, TERMINAL), lambda _, seeds: str(seeds)),
    Column("missing", "seeds without an outcome", "missing", (SEVERAL, TERMINAL)),
    Column("failed", "runs that failed", "failed", _FIRST),
    Column("diverged", "runs that diverged", "diverged", _FIRST),
    Column("reused", "runs that are an earlier sweep's", "reused", _FIRST),
    Column("mean", "of the outcome (`test_error_rate` unless `--outcome` names another) over "
           "seeds; it orders the table", "{mean}", _FIRST),
    Column("{part}_errors {part}_size", "mean wrong images, of how many; of validation images "
           "`validation_errors` and `validation_size`", "wrong", (ONE,),
           lambda errors, size: f"{number(errors)} of {number(size)}" if errors == errors else ""),
    Column("wilson_low wilson_high", "of a single seed: Wilson's 95% interval of the share of "
           "wrong images", "Wilson", (ONE,), lambda low, high: spread(low, high, form="{:.1%}")),
    Column("difference", "mean over seeds of the outcome minus the reference's on the same seed: "
           "below 0 is better", "minus {reference}", (SEVERAL, TERMINAL), _three),
    Column("difference_low difference_high", "its 95% interval; those of the table hold all at "
           "once (Student's t, Bonferroni; of a reference that these seeds chose, for all pairs)",
           "simultaneous 95%", (SEVERAL, TERMINAL), _short),
    Column("verdict", "lower or higher: the interval lies on that side of 0; equal: it lies within "
           "the margin (`--margin`); else undecided", "verdict", (SEVERAL, TERMINAL)),
    Column("moved_by moved", "the seed that does most to the mean difference, and how much higher "
           "the mean is with it than without, where that is more than the margin",
           "one seed moves it", (SEVERAL, TERMINAL), moved),
    Column("difference_median", "median of the differences", "median difference", (SEVERAL,),
           _three),
    Column("low high note", "95% interval of that mean (Student's t), or why there is none",
           "its 95%", (FOLDED,), _short),
    Column("median", "of the outcome over seeds", "median", (FOLDED,)),
    Column("worst", "highest outcome", "worst", (FOLDED,)),
    Column("worst_block", "which seed has that; as `data=4` where one source alone varies",
           "worst seed", (FOLDED,)),
    Column("beats_constant constant_low constant_high constant_seeds", "seeds with fewer wrong "
           "than the best constant answer, Wilson's 95% interval of their share, of how many",
           "beats constant", (FOLDED,), count),
    Column("beats_pixel_sum pixel_sum_low pixel_sum_high pixel_sum_seeds", "the same of the "
           "pixel-sum threshold", "beats pixel sum", (FOLDED,), count),
    Column("few few_low few_high seeds", "with `--at-most`, the same of at most so many wrong",
           "at most {at_most} wrong", (FOLDED,), count),
    Column("final_cost", "mean over the runs", "{of}final cost", _FIRST),
    Column("train_seconds", "mean over the runs", "{of}seconds", _FIRST, _hundredths),
    Column("cost_vs_backprop", "ratio of final costs to the method `backprop`, where there is "
           "one, on one data set"),
    Column("time_vs_backprop", "the same of seconds"),
    Column("passes", "median forward passes to the target", "passes to {target}", (ONE,)),
)  # fmt: skip


def summarise(runs: Runs, at_most: int | None = None) -> pd.DataFrame:
    """Return one row per method, and per baseline and data set: the numbers of `COLUMNS`.

    In the order of their means; the comparisons with a reference are added by `Report`. `baseline`
    says whether a row needs no training. With `at_most`, few is how many seeds have at most so many
    wrong. What there is not is not a number; runs of a crossed design share seeds, and have no
    intervals over them.
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
    return table.sort_values(["mean", "final_cost"], kind="stable", ignore_index=True)


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
    interval = of_mean(values) if independent else _SHARED
    counted = rows.dropna(subset=["errors", "images"])
    alone = counted if len(counted) == 1 else counted.head(0)
    share_wrong = wilson(int(alone.errors.sum()), int(alone.images.sum()))
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
        "mean": finite.outcome.mean(),
        "low": interval.low,
        "high": interval.high,
        "note": interval.note,
        "median": finite.outcome.median(),
        "worst": finite.outcome.max(),
        "worst_block": finite.block.iloc[int(values.argmax())] if len(values) else "",
        f"{runs.part}_errors": counted.errors.mean(),
        f"{runs.part}_size": counted.images.mean(),
        "wilson_low": share_wrong.low,
        "wilson_high": share_wrong.high,
        "final_cost": rows.final_cost.mean(),
        "train_seconds": rows.train_seconds.mean(),
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
    one = report.one_seed and place != FOLDED
    if one:
        passes = report.targets.set_index("method").forward_passes_median
        rows = rows.assign(passes=rows.method.map(passes))
    table = {
        _heading(column, report): [column.cell(*row) for row in rows[names].to_numpy(object)]
        for column in COLUMNS
        if (ONE if one else place) in column.places
        and set(names := _numbers(column, report.runs.part)) <= set(rows)
    }
    return without_empty(pd.DataFrame(table))


def notes(report: "Report") -> dict[str, str]:
    """Return what each column is, by its heading."""
    shown = (column for column in COLUMNS if column.places)
    return {_heading(column, report): column.note.replace("`", "") for column in shown}


def _heading(column: Column, report: "Report") -> str:
    of = "" if report.one_seed else "mean "
    return column.heading.format(
        mean=of + report.runs.outcome, of=of, reference=report.reference,
        target=report.choices.target, at_most=report.choices.at_most,
    )  # fmt: skip


def _numbers(column: Column, part: str) -> list[str]:
    return column.numbers.format(part=part).split()


def explained() -> str:
    """Return what the columns are, in Markdown, for docs/report.md."""
    rows = []
    for column in COLUMNS:
        of_csv = ", ".join(f"`{name}`" for name in _numbers(column, "test") if name != "passes")
        heading = column.heading.format(
            mean="mean", of="", reference="...", target="...", at_most="N"
        )
        rows.append((heading, of_csv, column.note))
    return markdown(("column", "in `comparison.csv`", "what it is"), rows)
