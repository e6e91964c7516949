"""The table and figures that every sweep ends with, whatever it swept."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from noise_exp.figures import comparison as figures
from noise_exp.figures.style import Figure
from noise_exp.records.record import options
from noise_exp.records.results import Result
from noise_exp.writing.tables import markdown_of

_SEEDS = {"seed", "seeds", "seeds.init", "seeds.data", "seeds.noise"}
_NO_SCIENCE = {"resume", "threads"}


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
        Texts and figures by file name.
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
    pictures: Mapping[str, Figure] = field(default_factory=dict)
    advice: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


def compared(results: Sequence[Result]) -> Summary:
    """Compare the methods of a sweep, with the article's figures."""
    table = comparison(results)
    text = readable(table)
    part = "validation" if any(r.validation for r in results) else "test"
    return Summary(
        "Comparison of the methods",
        text,
        headline(table, part),
        {"comparison.csv": table.to_csv(index=False), "comparison.md": markdown_of(text)},
        article_figures(results),
    )


def labels(results: Sequence[Result]) -> list[str]:
    """Name each result by its law and whatever else the sweep varied, seeds left out."""
    found = settings(results)
    keys = {key for s in found for key in s} - _SEEDS - _NO_SCIENCE - {"dist"}
    varied = sorted(k for k in keys if len({s.get(k) for s in found}) > 1)
    return [
        " ".join([r.dist, *(f"{k}={s[k]}" for k in varied if k in s)])
        for r, s in zip(results, found, strict=True)
    ]


def settings(results: Sequence[Result]) -> list[dict[str, str]]:
    """Return what was set for each result, by key."""
    return [options(r.overrides) for r in results]


def swept(results: Sequence[Result]) -> list[str]:
    """Say what a sweep varied and how widely, as `key (values)`."""
    found = settings(results)
    values = {key: {s.get(key) for s in found} for s in found for key in s}
    return [f"{key} ({len(taken)} values)" for key, taken in values.items() if len(taken) > 1]


def runs(results: Sequence[Result]) -> pd.DataFrame:
    """Return one row per job: what it was, what came of it, and the run that holds it."""
    return pd.DataFrame(
        {
            "job": [r.job for r in results],
            "method": labels(results),
            "overrides": [" ".join(r.overrides) for r in results],
            "test_errors": [None if r.error else r.test_errors for r in results],
            "test_size": [None if r.error else r.test_size for r in results],
            "final_cost": [r.final_cost for r in results],
            "train_seconds": [None if r.error else r.train_seconds for r in results],
            "diverged": [r.diverged for r in results],
            "reused": [r.reused for r in results],
            "run_id": [r.run_id for r in results],
            "error": [r.error for r in results],
        }
    )


def comparison(results: Sequence[Result]) -> pd.DataFrame:
    """Return one row per method: medians over its runs (usually one per seed).

    Columns: letter, method, runs, failed, diverged, reused (from earlier sweeps), test_errors,
    test_size, final_cost, train_seconds, cost_vs_backprop and time_vs_backprop (ratios to the
    method backprop, empty where the sweep has none).
    """
    runs = pd.DataFrame(
        {
            "letter": [r.letter or "" for r in results],
            "method": labels(results),
            "failed": [r.error is not None for r in results],
            "diverged": [r.diverged for r in results],
            "reused": [r.reused for r in results],
            "test_errors": [math.nan if r.error else r.test_errors for r in results],
            "test_size": [math.nan if r.error else r.test_size for r in results],
            "final_cost": [r.final_cost for r in results],
            "train_seconds": [math.nan if r.error else r.train_seconds for r in results],
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
    reference = table[table.method == "backprop"]
    for column, of in (("cost_vs_backprop", "final_cost"), ("time_vs_backprop", "train_seconds")):
        table[column] = table[of] / reference[of].iloc[0] if len(reference) else math.nan
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
    if table.test_errors.isna().all():
        return "none of which finished"
    best = table.sort_values(["test_errors", "final_cost"]).iloc[0]
    return (
        f"best: {best.method} with {best.test_errors:g} of {best.test_size:g} {part} images wrong "
        f"at cost {best.final_cost:.4f}"
    )


def article_figures(results: Sequence[Result]) -> dict[str, Figure]:
    """Return the article's three figures by file name; none where every job failed."""
    methods: dict[str, list[Result]] = {}
    for label, result in zip(labels(results), results, strict=True):
        if result.error is None:
            methods.setdefault(label, []).append(result)
    if not methods:
        return {}
    drawn = [
        figures.Method(
            label=label,
            tick=(runs[0].letter or label) if label == runs[0].dist else label,
            costs=_padded([r.costs for r in runs]),
            seconds=np.array([r.train_seconds for r in runs]),
            errors=np.array([r.test_errors for r in runs]),
        )
        for label, runs in sorted(methods.items(), key=lambda item: (item[1][0].letter or "~",))
    ]
    return {
        "cost_per_training.png": figures.cost_per_training(drawn),
        "training_time.png": figures.training_time(drawn),
        "misclassification.png": figures.misclassification(drawn),
    }


def _padded(costs: Sequence[Sequence[float | None]]) -> np.ndarray:
    padded = np.full((len(costs), max(len(c) for c in costs)), np.nan)
    for row, values in zip(padded, costs, strict=True):
        row[: len(values)] = [math.nan if v is None else v for v in values]
    return padded
