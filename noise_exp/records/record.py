"""What is known of a run once it is over, from its folder or from a tracking store."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from noise_exp.records.journal import Journal

CURVES = ("cost", "train_error_rate", "train_seconds", "forward_passes")


@dataclass(frozen=True)
class Record:
    """One run.

    Attributes
    ----------
    params
        As in MLflow: the configuration under short names, as text.
    metrics
        Final values.
    curves
        Values by epoch, of those of `CURVES` that are known; nan where not finite.
    letter
        The article's letter for its noise law.
    error
        Why it has no result.
    run_id
        In MLflow, where it is tracked.
    source_digest
        Of the program that ran it, where that is known.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    letter: str | None = None
    diverged: bool = False
    error: str | None = None
    run_id: str | None = None
    source_digest: str | None = None

    @property
    def epochs(self) -> int:
        """How many were run, as far as known."""
        return max((len(c) for c in self.curves.values()), default=0)

    def final(self, metric: str) -> float:
        """Return a metric's last value; not a number where the run has none that is finite."""
        if self.error:
            return math.nan
        if curve := self.curves.get(metric):  # of cost and error rate, before the last update
            return curve[-1]
        return self.metrics.get(metric, math.nan)

    def spent(self, metric: str) -> list[float]:
        """Return train_seconds or forward_passes up to the end of each epoch.

        Where only their totals are known, every epoch is taken to have cost the same.
        """
        known = self.curves.get(metric, [])
        if self.epochs and len(known) == self.epochs:
            return list(known)
        total = self.metrics.get(metric, math.nan)
        return [total * (i + 1) / self.epochs for i in range(self.epochs)]


def of_failed(overrides: Sequence[str], dist: str) -> dict[str, str]:
    """Return params of a run whose parts could not be built: it has only what was asked for."""
    return {**options(overrides), "dist": dist}


def options(overrides: Sequence[str]) -> dict[str, str]:
    """Return overrides as keys and values."""
    pairs = (override.lstrip("+~").partition("=") for override in overrides)
    return {key: value for key, _, value in pairs}


def from_folder(folder: Path) -> Record:
    """Read a run's record in its output folder.

    Raises
    ------
    OSError, ValueError
        If there is none.
    """
    journal = Journal.load(folder)
    facts, (lines, _) = journal.facts, journal.epochs()
    curves = {
        key: [math.nan if line.get(key) is None else line[key] for line in lines] for key in CURVES
    }
    error = None if facts.status == "FINISHED" else facts.tags.get("error", facts.status)
    return Record(
        facts.params,
        facts.metrics,
        curves,
        facts.tags.get("article_letter"),
        facts.tags.get("diverged") == "true",
        error,
        facts.run_id,
        facts.tags.get("source_digest"),
    )
