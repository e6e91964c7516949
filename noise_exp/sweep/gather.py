"""The runs of a sweep that has just ended, as records."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from noise_exp.records.journal import Journal
from noise_exp.records.record import Record, from_folder, of_failed
from noise_exp.records.results import Result


def of_sweep(
    folder: Path, since: int, results: Sequence[Result], uri: str | None, experiment_id: str
) -> list[Record]:
    """Return a record for every result: from its folder, else from the store.

    Parameters
    ----------
    folder, since
        The sweep's folder, and its start in milliseconds since 1970: an earlier sweep may have
        left records in the same folder.
    results
        What the jobs ended with.
    uri, experiment_id
        The store, None without one, and where in it the runs are.
    """
    found: dict[int, Record] = {}
    for place in Journal.find(folder):
        facts = Journal.load(place).facts
        if place != folder and facts.start_time >= since:
            found[int(facts.tags["job"])] = from_folder(place)
    missing = {r.job: r.run_id for r in results if r.run_id and r.job not in found}
    if missing and uri:
        from noise_exp.tracking import reading as records

        client = records.connect(uri)
        runs = records.by_id(client, experiment_id, list(missing.values()))
        there = {job: runs[run_id] for job, run_id in missing.items() if run_id in runs}
        found |= zip(there, records.read(client, there.values()), strict=True)
    return [_completed(found.get(r.job), r) for r in results]


def _completed(record: Record | None, result: Result) -> Record:
    record = record or Record({}, error=result.error or "its record is missing")
    params = record.params or of_failed(result.overrides, result.dist)
    return dataclasses.replace(record, params=params)
