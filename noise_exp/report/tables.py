"""The report's other tables as people read them, and what the page and the docs say of them."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from noise_exp.report.build import Report
from noise_exp.report.methods import moved
from noise_exp.report.runs import rows_of
from noise_exp.writing import UNKNOWN, number, probability, spread, without_empty

# By heading; those of the table of methods have their notes in `methods`.
NOTES = {
    "pairs": "seeds on which both methods have a result",
    "lower / tie / higher": "on how many of these seeds the method is lower, equal, higher",
    "mean difference": "mean of method minus reference on the same seed: below 0 is better",
    "the same for new images": "the wider interval of Nadeau and Bengio, for images not in the "
    "pool that the seeds split",
    "sign flips, p": "second opinion (Westfall and Young), corrected for the number of comparisons",
    "source": "what varies between the runs: method and seed, or the sources that a seed drives; "
    "x: their interaction",
    "degrees of freedom": "independent comparisons behind the share: with few it is uncertain",
    "share": "share of the variance of the outcome",
    "95%": "generalised confidence interval of the share",
    "reached": "runs that come to the target, of those that record it every epoch",
    "median seconds": "Kaplan-Meier's median of the seconds of training until the target, with "
    "its 95% interval",
    "restricted mean seconds": "mean of the seconds until the target or the horizon, whichever "
    "comes first",
    "median passes": "the same median of forward passes",
    "restricted mean passes": "the same mean of forward passes",
}
# By part of the page: its tests and intervals.
TESTS = {
    "Every seed": "Each dot is a run; the bar is the mean over seeds with its 95% interval "
    "(Student's t). In brackets after a count: Wilson's interval.",
    "Seed by seed": "Differences on the same seeds. The intervals of the table hold all at once "
    "in 95% of such experiments (Student's t, Bonferroni's correction; of a reference that these "
    "seeds have chosen as the best, for all pairs of methods). The verdict follows from them "
    "alone: lower or higher if 0 lies outside, equal if the interval lies within the margin, else "
    "undecided; fewer than five seeds decide nothing. A second opinion: flips of the signs of "
    "whole seeds (Westfall and Young), from six seeds on, which need differences that are "
    "symmetric about 0 where there is none.",
    "Mean ranks": "Rank 1 is the lowest outcome of a seed. Friedman's test says whether the "
    "methods differ at all. A bar joins methods that Nemenyi's test does not tell apart at 5%; "
    "that is not to say they are equal.",
    "Shares of variance": "Components of variance from the mean squares of a complete design, all "
    "effects random; an estimate below zero counts as zero. A program has no error of "
    "measurement, so the highest interaction is what remains. The intervals take effects as "
    "normal; with few seeds they are wide.",
    "Time and forward passes": "A run that never gets to the target counts as censored at its "
    "end, and is not left out. Seconds are training alone, and depend on what else the machine "
    "did.",
}


def _shown(table: pd.DataFrame, cells: dict[str, Callable[[Any], str]]) -> pd.DataFrame:
    """Return a table for people: headings, and what makes a cell of a row."""
    return pd.DataFrame({head: [cell(r) for r in rows_of(table)] for head, cell in cells.items()})


def pairs_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return paired differences for people."""
    return without_empty(
        _shown(
            table,
            {
                "method": lambda r: r.method,
                "pairs": lambda r: str(r.pairs),
                "lower / tie / higher": lambda r: f"{r.lower} / {r.ties} / {r.higher}",
                "mean difference": lambda r: number(r.difference),
                "simultaneous 95%": lambda r: spread(r.low, r.high),
                "the same for new images": lambda r: spread(
                    getattr(r, "new_low", math.nan), getattr(r, "new_high", math.nan)
                ),
                "median difference": lambda r: number(r.median_difference),
                "verdict": lambda r: r.verdict,
                "one seed moves it": lambda r: moved(r.moved_by, r.moved),
                "sign flips, p": lambda r: probability(r.p_flips),
            },
        )
    )


def shares_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return shares of variance for people."""
    return _shown(
        table,
        {
            "source": lambda r: r.effect,
            "degrees of freedom": lambda r: str(r.degrees_of_freedom),
            "share": lambda r: f"{r.share:.1%}",
            "95%": lambda r: spread(r.low, r.high, form="{:.0%}"),
        },
    )


def targets_table(report: Report) -> pd.DataFrame:
    """Return time and passes to the target for people."""

    def three(value: float) -> str:
        return number(value, "{:.3g}")

    def median(row: Any, key: str) -> str:
        value, low, high = (getattr(row, f"{key}_{part}") for part in ("median", "low", "high"))
        if not row.runs:
            return "not recorded"
        if not math.isfinite(value):
            return "median not reached" if row.reached else "none reaches it"
        if not math.isfinite(low):  # so many runs get there at once that there is no interval
            return three(value)
        end = three(high) if math.isfinite(high) else "beyond the runs"
        return f"{three(value)} ({three(low)} to {end})"

    return _shown(
        report.targets,
        {
            "method": lambda r: r.method,
            "reached": lambda r: f"{r.reached} of {r.runs}" if r.runs else UNKNOWN,
            "median seconds": lambda r: median(r, "train_seconds"),
            "restricted mean seconds": lambda r: three(r.train_seconds_restricted_mean),
            "median passes": lambda r: median(r, "forward_passes"),
            "restricted mean passes": lambda r: three(r.forward_passes_restricted_mean),
        },
    )
