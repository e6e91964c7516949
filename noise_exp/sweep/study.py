"""What a search found: the trials of a sweep whose sweeper chooses settings by their scores."""

import math
import shlex
from collections.abc import Sequence
from functools import partial

import pandas as pd

from noise_exp.figures import comparison as figures
from noise_exp.redaction import redacted
from noise_exp.report.page import RUNS, Files, runs_csv
from noise_exp.report.runs import collect
from noise_exp.report.words import none_best
from noise_exp.runs.naming import name_data_sets
from noise_exp.runs.record import Record, key_of
from noise_exp.sweep.comparison import Summary, png
from noise_exp.writing import markdown_of, number, without_empty

_NO_SCORE = "none of which has a score"
_FLAGS = ("diverged", "reused")
_SHOWN = 10  # trials, in the terminal and in the note


def trials(records: Sequence[Record], searched: Sequence[str]) -> pd.DataFrame:
    """Return one row per trial, the best first.

    Columns: trial (the job's number), one per setting in `searched`, score (the smaller the
    better, infinite where the trial failed or diverged), errors, images and train_seconds (as of
    `Record`), diverged, reused, run_id, error.
    """
    rows = [
        {
            "trial": r.job,
            **{key: _value(r.settings.get(key)) for key in searched},
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


def summary(records: Sequence[Record], searched: Sequence[str]) -> Summary:
    """Say what a study found; `searched` names the settings that its sweeper chose."""
    if not records:
        return Summary("Trials", pd.DataFrame(), _NO_SCORE, {})
    table = trials(records, searched)
    text = _readable(table, searched)
    files: Files = {
        "trials.csv": lambda: table.to_csv(index=False),
        "trials.md": lambda: markdown_of(text),
        RUNS: lambda: runs_csv(collect(records)),
    }
    shown = text.head(_SHOWN)
    title = f"The best {len(shown)} of {len(text)} trials" if len(text) > _SHOWN else "Trials"
    if not math.isfinite(table.score[0]):
        return Summary(title, shown, _NO_SCORE, files)
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


def _value(text: str | None) -> float | int | str | None:
    """Return a number where it is one."""
    for kind in (int, float):
        try:
            return kind(text or "")
        except ValueError:
            continue
    return text


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
