"""What a sweep came to: its methods compared, or the trials of a search that chose its settings.

Methods are compared by the report's table, whatever was swept.
"""

import io
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from noise_exp.figures import Figure
from noise_exp.figures import comparison as figures
from noise_exp.redaction import redacted
from noise_exp.report.build import Report, build
from noise_exp.report.methods import TERMINAL, methods_table
from noise_exp.report.page import RUNS, Files, files, methods_drawn, runs_csv
from noise_exp.report.runs import collect
from noise_exp.report.words import best_of, headlines, none_best
from noise_exp.runs.naming import name_data_sets
from noise_exp.runs.record import Record, key_of
from noise_exp.sweep.plan import as_number
from noise_exp.writing import markdown_of, number, without_empty

_MANY = 40  # methods that a terminal, or a note, still shows
_NO_SCORE = "none of which has a score"
_FLAGS = ("diverged", "reused")
_SHOWN = 10  # trials, in the terminal and in the note


@dataclass(frozen=True)
class Summary:
    """What the end of a sweep shows, and keeps on its parent run.

    Attributes
    ----------
    title, table
        What the terminal and the parent's note show, as text.
    headline
        What came out best, in a few words.
    files
        What makes them.
    advice
        What to do with it.
    findings
        Returns sentences for the terminal.
    tags, metrics
        Of the parent run.
    series
        Metrics with a value per job, by the jobs' numbers; None where there is none.
    """

    title: str
    table: pd.DataFrame
    headline: str
    files: Files
    advice: str = ""
    findings: Callable[[], Sequence[str]] = tuple
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)


NONE = Summary("", pd.DataFrame(), "which could not be compared", {})


def of_methods(
    records: Sequence[Record], name: str = "", command: str = "", run_id: str | None = None
) -> Summary:
    """Say how the methods of a sweep compare: its name, its command, and its id in MLflow."""
    report = build(records)
    rows, title = report.summary, "Comparison of the methods"
    if len(report.methods) > _MANY:
        title += f": the {_MANY} best of {len(report.methods):,}"
        best = report.methods.head(_MANY).index
        rows = rows[rows.baseline | rows.index.isin(best)]
    return Summary(
        title,
        methods_table(report, TERMINAL, rows),
        best_of(report) if report.runs.table.outcome.notna().any() else "none of which finished",
        {**files(report, name, command, run_id), **article_figures(report)},
        findings=lambda: [*headlines(report), *report.unsaid],
        **_totals(report),
    )


def _totals(report: Report) -> dict[str, Any]:
    """Return what sweeps are compared by: tags and metrics of the best method and the median."""
    best = report.best_run
    if not best:
        return {}
    rates = {
        "best": report.runs.wide[report.best].mean(),
        "median": report.runs.table.outcome.median(),
    }
    return {  # a store that was away gave no id
        "tags": {"best": report.best, "best_run_id": best.run_id or ""},
        "metrics": {f"{which}_{report.runs.outcome}": float(r) for which, r in rates.items()},
    }


def article_figures(report: Report) -> Files:
    """Return what makes the article's three figures; none where every job failed."""
    drawn = methods_drawn(report.runs.records)
    draws = (figures.cost_per_training, figures.training_time, figures.misclassification)
    return {f"{draw.__name__}.png": partial(_png, draw, drawn) for draw in draws} if drawn else {}


def _png(draw: Callable[..., Figure], *arguments: Any) -> bytes:
    """Return a figure as a file."""
    content = io.BytesIO()
    draw(*arguments).savefig(content, format="png", dpi=120)
    return content.getvalue()


def _trials(records: Sequence[Record], searched: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial, the best first.

    Columns: trial (the job's number), one per setting in `searched`, score (the smaller the
    better, infinite where the trial failed or diverged), errors, images and train_seconds (as of
    `Record`), diverged, reused, run_id, error.
    """
    rows = [
        {
            "trial": r.job,
            **{key: as_number(r.settings.get(key)) for key in searched},
            "score": r.score,
            "errors": r.errors,
            "images": math.nan if r.error else r.images,
            "train_seconds": r.seconds,
            "diverged": r.diverged,
            "reused": r.reused,
            "run_id": r.run_id,
            "error": r.error,
        }
        for r in records
    ]
    return pd.DataFrame(rows).sort_values(["score", "trial"], ignore_index=True)


def of_trials(records: Sequence[Record], searched: Sequence[str]) -> Summary:
    """Say what a study found; `searched` names the settings that its sweeper chose."""
    if not records:
        return Summary("Trials", pd.DataFrame(), _NO_SCORE, {})
    table = _trials(records, searched)
    text = _readable(table, searched)
    found: Files = {
        "trials.csv": lambda: table.to_csv(index=False),
        "trials.md": lambda: markdown_of(text),
        RUNS: lambda: runs_csv(collect(records)),
    }
    shown = text.head(_SHOWN)
    title = f"The best {len(shown)} of {len(text)} trials" if len(text) > _SHOWN else "Trials"
    if not math.isfinite(table.score[0]):
        return Summary(title, shown, _NO_SCORE, found)
    if len(data_sets := sorted({*name_data_sets(records)} - {""})) > 1:
        return Summary(title, shown, none_best(data_sets, "scores"), found)
    best = next(r for r in records if r.job == table.trial[0])
    what = best.scored.replace("train_", "").replace("_", " ")
    if best.part != "validation":
        what = f"final training {what}"
    by_trial = table.sort_values("trial")
    scores = [s if math.isfinite(s) else None for s in by_trial.score]
    settings = {key: list(by_trial[key]) for key in searched}
    return Summary(
        title,
        shown,
        f"best: trial {best.job} with {what} {best.score:.4f} and {best.errors:g} of "
        f"{best.images:g} {best.part} images wrong",
        {
            **found,
            "history.png": partial(_png, figures.history, list(by_trial.trial), scores, what),
            "settings.png": partial(_png, figures.score_by_setting, settings, scores, what),
        },
        advice=f"Train with the best settings by\n\n    {_command(best)}\n",
        tags={
            "best_trial": str(best.job),
            "best_run_id": best.run_id or "",
            **{f"best.{key}": best.settings[key] for key in searched if key in best.settings},
        },
        metrics={"best_score": best.score},
        series={"score": scores},
    )


def _command(best: Record) -> str:
    """Return the command that trains with a trial's settings and measures the test images."""
    other = ("data.validation_size", "resume")
    overrides = [o for o in best.overrides if key_of(o) not in other]
    if best.part == "validation":
        overrides.append("data.validation_size=0")
    return redacted(shlex.join(["python", "-m", "noise_exp", *overrides]))


def _readable(table: pd.DataFrame, searched: Sequence[str]) -> pd.DataFrame:
    """Return the trials as text for people, without columns that say nothing."""

    def setting(value: object) -> str:
        return number(value, "{:.3g}") if isinstance(value, float) else str(value or "")

    return without_empty(
        pd.DataFrame(
            {
                "trial": table.trial.map(str),
                **{key: [setting(value) for value in table[key].tolist()] for key in searched},
                "score": table.score.map("{:.4f}".format),
                "wrong": table.errors.map(number),
                "of": table.images.map(number),
                "seconds": table.train_seconds.map(partial(number, form="{:.2f}")),
                **{flag: table[flag].map({True: "yes", False: ""}) for flag in _FLAGS},
                "error": [error or "" for error in table.error],
            }
        )
    )
