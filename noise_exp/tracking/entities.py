"""A run as MLflow's entities."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from noise_exp.records.owed import Owed
from noise_exp.records.record import CURVES, DataSet, Record

Item = Metric | Param | RunTag
_BATCH = {Metric: 800, Param: 100, RunTag: 100}  # as many as MLflow takes in one call


def by_kind(items: Sequence[Item]) -> list[list[Any]]:
    """Return metrics, params and tags, as a call of `log_batch` takes them."""
    return [[item for item in items if isinstance(item, kind)] for kind in _BATCH]


def batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Divide items among as few calls as MLflow allows."""
    parts = (
        [kind[i : i + size] for i in range(0, len(kind), size)]
        for kind, size in zip(by_kind(items), _BATCH.values(), strict=True)
    )
    for batch in zip_longest(*parts, fillvalue=[]):
        yield [item for part in batch for item in part]


def of_epochs(lines: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Return the metrics of epochs; NaN and infinity would break the UI's page of the run."""
    return [
        Metric(key, line[key], line["time"], line["epoch"])
        for line in lines
        for key in CURVES
        if line.get(key) is not None and math.isfinite(line[key])
    ]


def results(record: Record, owed: Owed, model_id: str | None) -> list[Item]:
    """Return what an ended run came to, and its tags as they are now."""
    end = record.end_time or record.start_time
    finals = [
        Metric(key, value, end, 0, model_id=model_id) for key, value in record.metrics.items()
    ]
    steps = [
        Metric(key, value, end, step)
        for key, values in owed.series.items()
        for step, value in enumerate(values)
        if value is not None
    ]
    return [*(m for m in (*finals, *steps) if math.isfinite(m.value)), *tags_of(record)]


def tags_of(record: Record) -> list[RunTag]:
    """Return a run's tags, with those that MLflow has names of its own for."""
    told = {
        "mlflow.source.name": record.command,
        "mlflow.source.type": "LOCAL" if record.command else None,
        "mlflow.note.content": record.note,
        "mlflow.parentRunId": record.parent_id,
    }
    return [RunTag(k, v) for k, v in {**record.tags, **told}.items() if v is not None]


def data_set(known: DataSet) -> DatasetInput:
    """Return what a run was trained and tested on."""
    profile = json.dumps(known.sizes)
    dataset = Dataset(known.name, known.digest, "local", known.source, profile=profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "+".join(known.sizes))])


def heartbeat() -> str:
    """Return the sign of life of now."""
    return str(int(time.time()))
