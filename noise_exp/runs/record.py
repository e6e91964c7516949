"""A run: what it is, what it came to, and what it owes a tracking store until it is delivered."""

import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from noise_exp.training import diagnostics

# Params and metrics of runs of earlier versions.
_RENAMED = {"estimator.repair": "noise_transform", "ink_errors": "pixel_sum_errors"}
# By epoch, of every run; what diagnostics find stands by layer beside them, if it was asked for.
CURVES = ("cost", "train_error_rate", "train_seconds", "forward_passes")
NAME_LENGTH = 250  # of a run, in the databases that MLflow uses


@dataclass(frozen=True)
class DataSet:
    """What a run was trained and tested on; `sizes` are images per part, where known."""

    name: str
    digest: str
    source: str
    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Record:
    """One run, of a job or of a sweep, finished or not; from its folder or from a store.

    Attributes
    ----------
    name, tags
        In the store.
    params
        As in MLflow: the configuration under short names, as text. A run whose parts could not be
        built has none, or what was asked for (see `asked`).
    metrics
        Final values.
    curves
        Values by epoch, of those metrics that have them and are known (see `is_curve`); nan where
        not finite.
    command, note
        What started it, and its description.
    parent_id
        The store's id of the sweep's run.
    dataset
        Its input.
    sweep, job, overrides
        The uid of the sweep that it is a job of (empty for a run alone), its number in it, and
        what was set for it, as "key=value".
    reused
        Whether an earlier run, `run_id`, stands for this job.
    uid
        Made with the folder's record, before the store gives the run an id of its own.
    run_id
        The store's id, as soon as it is known.
    status
        RUNNING, FINISHED, FAILED or KILLED.
    start_time, end_time
        In milliseconds since 1970.
    """

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    command: str | None = None
    note: str | None = None
    parent_id: str | None = None
    dataset: DataSet | None = None
    sweep: str = ""
    job: int = 0
    overrides: Sequence[str] = field(default_factory=list)
    reused: bool = False
    uid: str = field(default_factory=lambda: uuid.uuid4().hex)
    run_id: str | None = None
    status: str = "RUNNING"
    start_time: int = field(default_factory=lambda: now())
    end_time: int | None = None

    @property
    def error(self) -> str | None:
        """Why it has no result."""
        return None if self.status == "FINISHED" else self.tags.get("error", self.status)

    @property
    def diverged(self) -> bool:
        """Whether its cost did not stay finite."""
        return self.tags.get("diverged") == "true"

    @property
    def letter(self) -> str | None:
        """The article's letter for its noise distribution."""
        return self.tags.get("article_letter")

    @property
    def source_digest(self) -> str | None:
        """Of the program that ran it, where that is known."""
        return self.tags.get("source_digest")

    @property
    def kernel(self) -> str | None:
        """What rounded its last digits: the BLAS's kernel and NumPy's vector code; where known."""
        return self.tags.get("kernel")

    @property
    def data_digest(self) -> str | None:
        """Of all images that it was given, before they were split; where known."""
        return self.dataset.digest if self.dataset else None

    @property
    def dist(self) -> str:
        """The option of the noise distribution."""
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

    @property
    def asked(self) -> "Record":
        """The same; if its parts could not be built, with what was asked for as its params."""
        found = self.params or {"dist": self.tags.get("dist", "?"), **self.settings}
        params = {_RENAMED.get(key, key): value for key, value in found.items()}
        metrics = {_RENAMED.get(key, key): value for key, value in self.metrics.items()}
        return replace(self, params=params, metrics=metrics)

    def failed(self, error: str) -> "Record":
        """Return the same without a result, and why."""
        return replace(self, status="FAILED", tags={**self.tags, "error": error})

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


@dataclass(frozen=True)
class Owed:
    """What a store is to hold, and whether it does.

    Attributes
    ----------
    uri, experiment_id
        The store, in a record without its secrets; `uri` is None where the run is not tracked.
    series
        Metrics with a value per step, from step 0 on; None where a step has none.
    artifacts
        Names of those on their way to the store, which leave the folder when it has them.
    files
        Artifacts that stay where they are, relative to the folder.
    delivered
        Whether the store holds everything.
    """

    uri: str | None = None
    experiment_id: str = ""
    series: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    artifacts: Sequence[str] = field(default_factory=list)
    files: Sequence[str] = field(default_factory=list)
    delivered: bool = False

    def __bool__(self) -> bool:
        """Whether the store lacks something."""
        return self.uri is not None and not self.delivered


OWED = {f.name for f in fields(Owed)}


def parsed(content: Mapping[str, Any]) -> tuple[Record, Owed]:
    """Return a run, and what it owes, from what a `run.json` holds.

    Raises
    ------
    ValueError
        If it is no run's.
    """
    try:
        owed = Owed(**{key: value for key, value in content.items() if key in OWED})
        known = {key: value for key, value in content.items() if key not in OWED}
        dataset = content.get("dataset")
        return Record(**{**known, "dataset": dataset and DataSet(**dataset)}), owed
    except (AttributeError, TypeError) as error:
        raise ValueError(f"not the record of a run: {error}") from None


def curves_of(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the curves of a run from what its lines say of epochs, of which some may be lost."""

    def finite(value: float | None) -> float:
        return math.nan if value is None or not math.isfinite(value) else value

    by_epoch = {line["epoch"]: line for line in lines}
    all_lines = [by_epoch.get(epoch, {}) for epoch in range(1 + max(by_epoch, default=-1))]
    keys = dict.fromkeys([*CURVES, *(key for line in lines for key in line if is_curve(key))])
    return {key: [finite(line.get(key)) for line in all_lines] for key in keys}


def is_curve(metric: str) -> bool:
    """Whether a metric has a value for every epoch."""
    return metric in CURVES or metric.rpartition("_")[0] in diagnostics.NAMES


def settings(overrides: Sequence[str]) -> dict[str, str]:
    """Return overrides as keys and values."""
    return {key_of(override): override.partition("=")[2] for override in overrides}


def key_of(override: str) -> str:
    """Return the key that an override sets, adds by + or ++, or takes out by ~."""
    return override.partition("=")[0].lstrip("+~")


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return int(time.time() * 1000)
