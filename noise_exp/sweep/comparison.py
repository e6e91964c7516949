"""The table and figures that every sweep ends with, whatever it swept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from noise_exp.figures import comparison as figures
from noise_exp.figures.style import Figure
from noise_exp.records.data_sets import name_data_sets, name_methods_of
from noise_exp.records.record import Record
from noise_exp.report.drawn import methods_drawn
from noise_exp.report.runs import collect
from noise_exp.writing.tables import markdown_of


@dataclass(frozen=True)
class Summary:
    """What the end of a sweep shows, and keeps on its parent run.

    Attributes
    ----------
    title, table
        What the terminal and the parent's note show, as text.
    headline
        What came out best, in a few words.
    files, pictures
        Texts, and what draws the figures, by file name.
    advice
        What to do with it.
    tags, metrics
        Of the parent run.
    series
        Metrics with a value per job, by the jobs' numbers; None where there is none.
    """

    title: str
    table: pd.DataFrame
    headline: str
    files: Mapping[str, str]
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    advice: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


_MANY = 40  # methods that a terminal, or a note, still shows

NONE = Summary("", pd.DataFrame(), "which could not be compared", {})


def compared(records: Sequence[Record]) -> Summary:
    """Compare the methods of a sweep, with the article's figures.

    Of the same run twice, as `seed=1,1` asks for, one counts, as in the report.
    """
    records = collect(records, None).records
    table = comparison(records)
    if len(table) > _MANY:
        table = table.sort_values(["test_errors", "final_cost"])
    text = readable(table)
    return Summary(
        f"Comparison of the methods{_best_of(text)}",
        text.head(_MANY),
        two_sets(records, "errors") or headline(table, part_of(records)),
        {"comparison.csv": table.to_csv(index=False), "comparison.md": markdown_of(text)},
        article_figures(records),
        **_totals(table, records),
    )


def part_of(records: Sequence[Record]) -> str:
    """Return which images the errors of a sweep are of."""
    return "validation" if any(r.part == "validation" for r in records) else "test"


def _totals(table: pd.DataFrame, records: Sequence[Record]) -> dict[str, Any]:
    """Return what sweeps are compared by: tags and metrics of the best method and the median."""
    best = _best(table)
    if best is None or two_sets(records, "errors"):
        return {}
    rates = {
        "best": best.test_errors / best.test_size,
        "median": float(np.nanmedian([r.errors / r.images for r in records if not r.error])),
    }
    part = part_of(records)
    ended = (r for r in records if not r.error)
    run = min(ended, key=lambda r: (_last(r.errors), _last(r.final("cost"))))
    return {
        "tags": {"best": str(best.method), "best_run_id": run.run_id or ""},
        "metrics": {f"{which}_{part}_error_rate": rate for which, rate in rates.items()},
    }


def _last(value: float) -> float:
    """Let what is not a number come after all that is."""
    return np.inf if np.isnan(value) else value


def _best(table: pd.DataFrame) -> Any:
    """Return the row of the best method; None where no run has finished."""
    if table.test_errors.isna().all():
        return None
    return table.sort_values(["test_errors", "final_cost"]).iloc[0]


def _best_of(table: pd.DataFrame) -> str:
    return f": the {_MANY} best of {len(table):,}" if len(table) > _MANY else ""


def two_sets(records: Sequence[Record], what: str) -> str:
    """Say that there is no best, where runs are on more than one data set; else nothing."""
    names = sorted(set(name_data_sets(records)) - {""})
    if len(names) < 2:
        return ""
    return f"on {' and '.join(names)}, between which {what} do not compare: none is best"


def swept(records: Sequence[Record]) -> list[str]:
    """Say what a sweep varied and how widely, as `key (values)`."""
    settings = [r.settings for r in records]
    values = {key: {s.get(key) for s in settings} for s in settings for key in s}
    return [f"{key} ({len(taken)} values)" for key, taken in values.items() if len(taken) > 1]


def runs(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per job: what it was, what came of it, and the run that holds it."""
    return pd.DataFrame(
        {
            "job": [r.job for r in records],
            "method": name_methods_of(records),
            "overrides": [" ".join(r.overrides) for r in records],
            "test_errors": pd.array([_count(r.errors) for r in records], "Int64"),
            "test_size": pd.array([_count(r.images) for r in records], "Int64"),
            "final_cost": [r.final("cost") for r in records],
            "train_seconds": [r.seconds for r in records],
            "diverged": [r.diverged for r in records],
            "reused": [r.reused for r in records],
            "run_id": [r.run_id for r in records],
            "error": [r.error for r in records],
        }
    )


def _count(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def comparison(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per method: medians over its runs (usually one per seed).

    Columns: letter, method, runs, failed, diverged, reused (from earlier sweeps), test_errors,
    test_size, final_cost, train_seconds, cost_vs_backprop and time_vs_backprop (ratios to the
    method backprop, empty where the sweep has none, or more than one data set).
    """
    runs = pd.DataFrame(
        {
            "letter": [r.letter or "" for r in records],
            "method": name_methods_of(records),
            "failed": [r.error is not None for r in records],
            "diverged": [r.diverged for r in records],
            "reused": [r.reused for r in records],
            "test_errors": [r.errors for r in records],
            "test_size": [np.nan if r.error else r.images for r in records],
            "final_cost": [r.final("cost") for r in records],
            "train_seconds": [r.seconds for r in records],
        }
    )
    # A law that is not the article's has no letter: it comes last.
    runs["order"] = runs.letter.replace("", "~")
    grouped = runs.groupby(["order", "letter", "method"])
    table = pd.concat(
        [
            grouped.size().rename("runs"),
            grouped[["failed", "diverged", "reused"]].sum(),
            grouped[["test_errors", "test_size", "final_cost", "train_seconds"]].median(),
        ],
        axis=1,
    ).reset_index()
    reference = table[(table.method == "backprop") & (not two_sets(records, "costs"))]
    for column, of in (("cost_vs_backprop", "final_cost"), ("time_vs_backprop", "train_seconds")):
        table[column] = table[of] / reference[of].iloc[0] if len(reference) else np.nan
    return table.drop(columns="order")


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as text for people: short headings, rounded numbers."""

    def text(values: pd.Series, form: str) -> list[str]:
        return [form.format(v) if pd.notna(v) else "-" for v in values]

    columns: dict[str, list[str]] = {"": list(table.letter), "method": list(table.method)}
    if (table.runs > 1).any():
        columns["runs"] = text(table.runs, "{:d}")
    for column in ("failed", "diverged", "reused"):
        if table[column].any():
            columns[column] = text(table[column], "{:d}")
    columns |= {
        "wrong": text(table.test_errors, "{:g}"),
        "of": text(table.test_size, "{:g}"),
        "final cost": text(table.final_cost, "{:.4f}"),
        "seconds": text(table.train_seconds, "{:.2f}"),
    }
    if table.cost_vs_backprop.notna().any():
        columns["cost / backprop's"] = text(table.cost_vs_backprop, "{:.2f}")
        columns["time / backprop's"] = text(table.time_vs_backprop, "{:.2f}")
    return pd.DataFrame(columns)


def headline(table: pd.DataFrame, part: str) -> str:
    """Say in a few words which method came out best on the images of `part`."""
    best = _best(table)
    if best is None:
        return "none of which finished"
    text = (
        f"best: {best.method} with {best.test_errors:g} of {best.test_size:g} {part} images wrong "
        f"at cost {best.final_cost:.4f}"
    )
    tied = int((table.test_errors == best.test_errors).sum()) - 1
    return f"{text}; {tied:,} more have as few wrong" if tied else text


def article_figures(records: Sequence[Record]) -> dict[str, Callable[[], Figure]]:
    """Return what draws the article's three figures, by file name; none where every job failed."""
    drawn = methods_drawn(records)
    if not drawn:
        return {}
    return {
        "cost_per_training.png": partial(figures.cost_per_training, drawn),
        "training_time.png": partial(figures.training_time, drawn),
        "misclassification.png": partial(figures.misclassification, drawn),
    }
