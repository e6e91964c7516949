"""Records of runs as a table: one row per run, named by its method and by its seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from noise_exp.runs.naming import NO_METHOD, SOURCES, name_data_sets, name_methods_of, owner_of
from noise_exp.runs.record import Record


@dataclass(frozen=True)
class Runs:
    """The runs of a report.

    Attributes
    ----------
    table
        One row per run: job (its number in a sweep), method, letter, dist, data_set (what it was
        measured on, empty if not known), overrides, block (the seeds that it shares with a run of
        every other method), init, data, noise, batches (seeds; -1 where not known, or where a step
        takes all images), outcome, errors and images (misclassified
        and all, of `part`), constant_errors and pixel_sum_errors (of the two predictors
        that need no network, on the same split), final_cost, train_seconds, forward_passes,
        diverged, reused, error, run_id, record (the run itself).
    every
        The same of all runs, as they were given, with those that are left out of `table`.
    part
        What they were measured on: test, or validation where none of them saw the test images.
    outcome
        The metric that is compared; the lower the better.
    differing
        Settings that tell methods apart without being in their names.
    """

    table: pd.DataFrame
    every: pd.DataFrame
    part: str
    outcome: str
    differing: Sequence[str]

    @property
    def records(self) -> list[Record]:
        """In the order of the table."""
        return self.table.record.tolist()

    @property
    def duplicates(self) -> int:
        """How many runs are left out for a newer one of the same method and seeds."""
        return len(self.every) - len(self.table)

    @cached_property
    def methods(self) -> list[str]:
        """In the article's order, distributions that are not the article's last."""
        return list(dict.fromkeys(self.table.method))

    @property
    def blocks(self) -> int:
        """How many there are; a run that failed early may not know its own."""
        return int(self.table.block[self.table.init >= 0].nunique())

    @cached_property
    def data_sets(self) -> list[str]:
        """What the runs were measured on, as far as known; between two of them nothing compares."""
        return sorted(set(self.table.data_set) - {""})

    @cached_property
    def crossed(self) -> bool:
        """Whether some method's runs cross sources of luck, so that its blocks share seeds."""
        for method in self.methods:
            rows, varied = self.sources_of(method)
            if len(varied) > 1 and (rows[varied].nunique(axis="columns") > 1).any():
                return True
        return False

    def sources_of(self, method: str) -> tuple[pd.DataFrame, list[str]]:
        """Return the runs of a method whose seeds are known, and the sources that differ."""
        rows = self.table[(self.table.method == method) & (self.table.init >= 0)]
        varied = [s for s in SOURCES if rows[s].nunique() > 1]
        if (rows.batches == rows.data).all():  # as in earlier versions
            varied = [s for s in varied if s != "batches"]
        return rows, varied

    @property
    def comparable(self) -> bool:
        """Whether methods can be compared block by block."""
        return not self.crossed and len(self.data_sets) <= 1

    @property
    def new_images(self) -> float:
        """Images that runs are measured on, over those for training; 0 where one split is held.

        And where the outcome is not about such images, or sizes are not known.
        """
        sizes = [float(r.params.get("training_images", "nan")) for r in self.records]
        ratio = float((self.table.images / sizes).median())
        split = self.outcome.startswith(self.part) and self.table.data.nunique() > 1
        return ratio if split and math.isfinite(ratio) else 0.0

    @cached_property
    def wide(self) -> pd.DataFrame:
        """The outcome, shape (blocks, methods); nan where a run is missing or not finite."""
        wide = self.table.pivot_table("outcome", "block", "method", aggfunc="first")
        order = list(dict.fromkeys(self.table.block[self.table.init >= 0]))
        return wide.reindex(index=order, columns=self.methods)


def collect(records: Sequence[Record], outcome: str | None = None) -> Runs:
    """Make the table of runs; of several runs of the same method and seeds the last counts.

    Without an `outcome`, the error rate of the part that they were measured on.
    """
    part = part_of(records)
    outcome = outcome or f"{part}_error_rate"
    drawn = [s for s in SOURCES if s != "batches" or all(map(_in_batches, records))]
    every = pd.DataFrame([_row(record, part, outcome, drawn) for record in records])
    every["method"] = name_methods_of(records)
    named = zip(records, name_data_sets(records), strict=True)
    every["data_set"] = [name if r.part == part else "" for r, name in named]
    # One that failed before its settings were known is no other run's duplicate.
    unknown = every.error.notna() & every.images.isna()
    newest = (
        every.assign(own=every.index.where(unknown, -1))
        # A run that failed must not hide one that did not.
        .sort_values("error", key=lambda e: e.isna(), kind="stable")
        .drop_duplicates(["method", "block", "own"], keep="last")
        .sort_index()
        .sort_values("letter", key=lambda c: c.replace("", "~"), kind="stable")
    )
    table = newest.drop(columns="own").reset_index(drop=True)
    return Runs(table, every, part, outcome, _differing(table))


def part_of(records: Sequence[Record]) -> str:
    """Return what runs are compared on: validation images where none of them saw those for test."""
    keys = {key for r in records for key in r.params}
    return "validation" if "validation_images" in keys and "test_images" not in keys else "test"


def _in_batches(record: Record) -> bool:
    """Whether a seed orders its images."""
    return record.params.get("batch_size", "None") != "None"


def _row(record: Record, part: str, outcome: str, drawn: Sequence[str]) -> dict[str, Any]:
    """Return a run's row; its block is known by the seeds that all runs draw from."""
    seeds = {source: _seed(record, source) for source in SOURCES}
    block = _block({source: seeds[source] for source in drawn})
    if not _in_batches(record):
        seeds["batches"] = -1
    finals = ("constant_errors", "pixel_sum_errors", "train_seconds", "forward_passes")
    return {
        "job": record.job,
        "method": "",
        "letter": record.letter or "",
        "dist": record.params.get("dist", ""),
        "data_set": "",
        "overrides": " ".join(record.overrides),
        "block": block,
        **seeds,
        "outcome": _finite(record.final(outcome)),
        "errors": record.final(f"{part}_errors"),
        "images": float(record.params.get(f"{part}_images", math.nan)),
        "final_cost": record.final("cost"),
        **{metric: record.final(metric) for metric in finals},
        "diverged": record.diverged,
        "reused": record.reused,
        "error": record.error,
        "run_id": record.run_id,
        "record": record,
    }


def _differing(table: pd.DataFrame) -> list[str]:
    """Return settings that differ among methods, though neither distribution nor name says so."""
    found = []
    named_params = [(row.method, row.record.params) for row in rows_of(table)]
    for key in sorted({key for _, params in named_params for key in params} - NO_METHOD):
        option = owner_of(key)
        if option in ("dist", "estimator"):
            continue
        named = {
            params[key]
            for method, params in named_params
            if key in params and f" {key}=" not in method
        }
        named_already = "." in key and any(f" {option}=" in method for method in set(table.method))
        if len(named) > 1 and not named_already:
            found.append(f"{key} ({', '.join(sorted(named))})")
    return found


def _seed(record: Record, source: str) -> int:
    keys = [f"seeds.{source}", "seed"]
    if source == "batches":
        keys.insert(1, "seeds.data")  # which drove them in earlier versions
    value = next((record.params[key] for key in keys if key in record.params), "-1")
    return int(value) if value.lstrip("-").isdigit() else -1


def rows_of(table: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples."""
    return list(table.itertuples())


def _block(seeds: Mapping[str, int]) -> str:
    if len(set(seeds.values())) == 1:
        return f"seed={seeds['init']}"
    return " ".join(f"{source}={seed}" for source, seed in seeds.items())


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
