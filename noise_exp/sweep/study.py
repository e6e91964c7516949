"""What a search found: the trials of a sweep whose sweeper chooses settings by their scores."""

import math
import shlex
from collections.abc import Sequence
from functools import partial

import pandas as pd

from noise_exp.figures import study as figures
from noise_exp.records.data_sets import name_data_sets
from noise_exp.records.record import Record, key_of
from noise_exp.redaction import redacted
from noise_exp.report.runs import collect
from noise_exp.report.write import RUNS, runs_csv
from noise_exp.sweep.comparison import Summary, none_best, png
from noise_exp.writing.tables import markdown_of

_SHOWN = 10  # trials, in the terminal and in the note


def trials(records: Sequence[Record], searched: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial, the best first.

    Columns: trial (the job's number), one per setting in `searched`, score (the smaller the
    better, infinite where the trial failed or diverged), errors, images and train_seconds (as of
    `Record`), diverged, reused, run_id, error.
    """
    columns: dict[str, list] = {"trial": [r.job for r in records]}
    columns |= {key: [_value(r.settings.get(key)) for r in records] for key in searched}
    columns["score"] = [r.score for r in records]
    columns["errors"] = [_known(r.errors) for r in records]
    columns["images"] = [None if r.error else _known(r.images) for r in records]
    columns["train_seconds"] = [_known(r.seconds) for r in records]
    for key in ("diverged", "reused", "run_id", "error"):
        columns[key] = [getattr(r, key) for r in records]
    return pd.DataFrame(columns).sort_values(["score", "trial"], ignore_index=True)


def summary(records: Sequence[Record], searched: Sequence[str]) -> Summary:
    """Say what a study found; `searched` names the settings that its sweeper chose."""
    table = trials(records, searched)
    text = _readable(table, searched)
    files = {
        "trials.csv": lambda: table.to_csv(index=False),
        "trials.md": lambda: markdown_of(text),
    }
    if records:
        files[RUNS] = lambda: runs_csv(collect(records))
    shown = text.head(_SHOWN)
    title = f"The best {len(shown)} of {len(text)} trials" if len(text) > _SHOWN else "Trials"
    if table.empty or not math.isfinite(table.score[0]):
        return Summary(title, shown, "none of which has a score", files)
    if len(data_sets := sorted({*name_data_sets(records)} - {""})) > 1:
        return Summary(title, shown, none_best(data_sets, "scores"), files)
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
            **files,
            "history.png": partial(png, figures.history, list(by_trial.trial), scores, what),
            "settings.png": partial(png, figures.score_by_setting, settings, scores, what),
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


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


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
