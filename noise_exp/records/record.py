"""What is known of a run once it is over, from its folder or from a tracking store."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noise_exp.records.facts import Facts
from noise_exp.records.journal import Journal

_RENAMED = {"estimator.repair": "noise_transform"}  # params of runs of earlier versions
CURVES = ("cost", "train_error_rate", "train_seconds", "forward_passes")


@dataclass(frozen=True)
class Record:
    """One run, finished or not.

    Attributes
    ----------
    params
        As in MLflow: the configuration under short names, as text. A run whose parts could not be
        built has only what was asked for.
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
    kernel
        What rounded its last digits: the BLAS's kernel and NumPy's vector code; where known.
    data_digest
        Of all images that it was given, before they were split; where known.
    job, overrides
        Its number in a sweep, and what was set for it, as "key=value".
    reused
        Whether it is an earlier sweep's, found finished.
    """

    params: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    letter: str | None = None
    diverged: bool = False
    error: str | None = None
    run_id: str | None = None
    source_digest: str | None = None
    kernel: str | None = None
    data_digest: str | None = None
    job: int = 0
    overrides: Sequence[str] = ()
    reused: bool = False

    @property
    def dist(self) -> str:
        """The option of the noise law."""
        return self.params.get("dist", "?")

    @property
    def part(self) -> str:
        """What it was measured on: test, or the validation images that stood in for it."""
        return "validation" if "validation_images" in self.params else "test"

    @property
    def errors(self) -> float:
        """Images misclassified; not a number where it has no result."""
        return self.final(f"{self.part}_errors")

    @property
    def images(self) -> float:
        """How many it was measured on; not a number where that is not known."""
        return float(self.params.get(f"{self.part}_images", math.nan))

    @property
    def seconds(self) -> float:
        """Spent in training; not a number where it has no result."""
        return self.final("train_seconds")

    @property
    def score(self) -> float:
        """What Hydra's sweepers make small: of the validation images, else the last in training.

        The cost or, with `score=error_rate`, the share of images that are wrong.

        Infinite where that is no finite number: sweepers take infinity for bad, and would stop at
        what is not a number.
        """
        score = self.final(self.scored)
        return score if math.isfinite(score) else math.inf

    @property
    def scored(self) -> str:
        """The metric that is its score."""
        by = self.params.get("score", "cost")
        if self.part == "validation":
            return f"validation_{by}"
        return "train_error_rate" if by == "error_rate" else by

    @property
    def settings(self) -> dict[str, str]:
        """What was set for it, by key."""
        return settings(self.overrides)

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


def settings(overrides: Sequence[str]) -> dict[str, str]:
    """Return overrides as keys and values."""
    return {key_of(override): override.partition("=")[2] for override in overrides}


def key_of(override: str) -> str:
    """Return the key that an override sets, adds by + or ++, or takes out by ~."""
    return override.partition("=")[0].lstrip("+~")


def params_or_asked(
    params: Mapping[str, str], overrides: Sequence[str], dist: str
) -> Mapping[str, str]:
    """Return a run's params; of one whose parts could not be built, what was asked for."""
    found = params or {"dist": dist, **settings(overrides)}
    return {_RENAMED.get(key, key): value for key, value in found.items()}


def record_of(facts: Facts, epochs: Sequence[Mapping[str, Any]]) -> Record:
    """Return the record of a run from its facts and the lines of its epochs."""
    by_epoch = {line["epoch"]: line for line in epochs}  # one may be lost
    lines = [by_epoch.get(epoch, {}) for epoch in range(1 + max(by_epoch, default=-1))]
    curves = {key: [_finite(line.get(key)) for line in lines] for key in CURVES}
    return Record(
        params=params_or_asked(facts.params, facts.overrides, facts.tags.get("dist", "?")),
        metrics=facts.metrics,
        curves=curves,
        letter=facts.tags.get("article_letter"),
        diverged=facts.tags.get("diverged") == "true",
        error=None if facts.status == "FINISHED" else facts.tags.get("error", facts.status),
        run_id=facts.run_id,
        source_digest=facts.tags.get("source_digest"),
        kernel=facts.tags.get("kernel"),
        data_digest=facts.dataset.digest if facts.dataset else None,
        job=facts.job,
        overrides=facts.overrides,
        reused=facts.reused,
    )


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value


def below(folder: Path) -> list[Record]:
    """Read the records of all runs in and below a folder, whatever sweeps they are of.

    Raises
    ------
    OSError, ValueError
        If one of them is damaged.
    """
    journals = map(Journal.load, Journal.find(folder))
    return [
        record_of(journal.facts, journal.epochs()[0])
        for journal in journals
        if journal.facts.tags.get("kind") == "run"
    ]
