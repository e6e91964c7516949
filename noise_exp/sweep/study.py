"""What a search found: the trials of a sweep whose sweeper chooses settings by their scores."""

import math
import shlex
from collections.abc import Sequence

import pandas as pd

from noise_exp.figures import study as figures
from noise_exp.records.facts import masked
from noise_exp.records.results import Result
from noise_exp.sweep import comparison as report
from noise_exp.writing.tables import markdown_of

_SHOWN = 10  # trials, in the terminal and in the note


def trials(results: Sequence[Result], searched: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial, the best first.

    Columns: trial (the job's number), one per setting in `searched`, score (the smaller the
    better, infinite where the trial failed or diverged), errors, images and train_seconds (as of
    `Result`), diverged, reused, run_id, error.
    """
    settings = report.settings(results)
    columns: dict[str, list] = {"trial": [r.job for r in results]}
    columns |= {key: [_value(s.get(key)) for s in settings] for key in searched}
    columns["score"] = [r.score for r in results]
    columns["errors"] = [None if r.error else r.test_errors for r in results]
    columns["images"] = [None if r.error else r.test_size for r in results]
    columns["train_seconds"] = [None if r.error else r.train_seconds for r in results]
    for key in ("diverged", "reused", "run_id", "error"):
        columns[key] = [getattr(r, key) for r in results]
    return pd.DataFrame(columns).sort_values(["score", "trial"], ignore_index=True)


def summary(results: Sequence[Result], searched: Sequence[str]) -> report.Summary:
    """Say what a study found; `searched` names the settings that its sweeper chose."""
    table = trials(results, searched)
    text = _readable(table, searched)
    files = {"trials.csv": table.to_csv(index=False), "trials.md": markdown_of(text)}
    shown = text.head(_SHOWN)
    title = f"The best {len(shown)} of {len(text)} trials" if len(text) > _SHOWN else "Trials"
    if table.empty or not math.isfinite(table.score[0]):
        return report.Summary(title, shown, "none of which has a score", files)
    validated = any(r.validation for r in results)
    what = "validation cost" if validated else "final training cost"
    best = next(r for r in results if r.job == table.trial[0])
    settings = report.settings([best])[0]
    by_trial = table.sort_values("trial")
    scores = [s if math.isfinite(s) else None for s in by_trial.score]
    return report.Summary(
        title,
        shown,
        f"best: trial {best.job} with {what} {best.score:.4f} and {best.test_errors} of "
        f"{best.test_size} {'validation' if validated else 'test'} images wrong",
        files,
        {
            "history.png": figures.history(list(by_trial.trial), scores, what),
            "settings.png": figures.score_by_setting(
                {key: list(by_trial[key]) for key in searched}, scores, what
            ),
        },
        advice=f"Train with the best settings by\n\n    {_command(best)}\n",
        tags={
            "best_trial": str(best.job),
            "best_run_id": best.run_id or "",
            **{f"best.{key}": settings[key] for key in searched if key in settings},
        },
        metrics={"best_score": best.score},
        series={"score": scores},
    )


def _command(best: Result) -> str:
    """Return the command that trains with a trial's settings and measures the test images."""
    other = ("data.validation_size=", "resume=")
    overrides = [o for o in best.overrides if not o.startswith(other)]
    if best.validation:
        overrides.append("data.validation_size=0")
    return masked(shlex.join(["python", "-m", "noise_exp", *overrides]))


def _value(text: str | None) -> float | int | str | None:
    """Return a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text or "")
        except ValueError:
            continue
    return text


def _readable(table: pd.DataFrame, searched: Sequence[str]) -> pd.DataFrame:
    """Return the trials as text for people: rounded numbers, flags only where one is set."""

    def text(values: pd.Series, form: str) -> list[str]:
        return [
            form.format(v) if isinstance(v, int | float) and pd.notna(v) else str(v or "-")
            for v in values.where(values.notna(), None)
        ]

    columns = {"trial": text(table.trial, "{:d}")}
    columns |= {key: text(table[key].astype(object), "{:.3g}") for key in searched}
    columns["score"] = text(table.score, "{:.4f}")
    columns["wrong"] = text(table.errors, "{:g}")
    columns["of"] = text(table.images, "{:g}")
    columns["seconds"] = text(table.train_seconds, "{:.2f}")
    for flag in ("diverged", "reused"):
        if table[flag].any():
            columns[flag] = ["yes" if value else "" for value in table[flag]]
    if table.error.notna().any():
        columns["error"] = ["" if pd.isna(e) else str(e) for e in table.error]
    return pd.DataFrame(columns)
