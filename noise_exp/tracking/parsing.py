"""MLflow's runs as records. People edit stores: what makes no sense is left out, and named."""

import logging
import re
import shlex
from collections.abc import Iterable, Mapping

from mlflow.entities import Run

from noise_exp.runs.record import DataSet, Record

_JOB = re.compile(r"[0-9]{1,6}")

log = logging.getLogger(__name__)


def sensible(runs: Iterable[Run], numbered: bool = False) -> list[tuple[Run, Record]]:
    """Return the runs with their records, without their curves: no query.

    One whose tags or params make no sense is left out, with a warning that names it; so is one
    without a tag job if they are to be `numbered`.
    """
    found = []
    for run in runs:
        try:
            found.append((run, _record_of(run, numbered)))
        except ValueError as error:
            leave_out(run, str(error))
    return found


def leave_out(run: Run, why: str) -> None:
    """Warn that a run is left out."""
    log.warning("Left out: run %s (%s), for %s", run.info.run_id, run.info.run_name, why)


def _record_of(run: Run, numbered: bool) -> Record:
    """Return a run as a record, without its curves.

    Raises
    ------
    ValueError
        If its tags or params make no sense.
    """
    tags, params = run.data.tags, run.data.params
    try:
        overrides = shlex.split(tags.get("overrides", ""))
    except ValueError:  # the tag was cut off in the middle of a quotation
        overrides = []
    job = tags.get("job", "" if numbered else "0")  # runs of early versions have none
    diverged = tags.get("diverged", "false")
    if not _JOB.fullmatch(job):
        raise ValueError(f"its tag job is {job[:9]!r}, not the number of a job")
    if diverged not in ("true", "false"):
        raise ValueError(f"its tag diverged is {diverged!r}, not true or false")
    metrics: Mapping[str, float] = run.data.metrics
    if diverged == "true":  # the last cost that is finite is not the run's
        metrics = {key: value for key, value in metrics.items() if key != "cost"}
    record = Record(
        run.info.run_name or "",
        tags,
        params,
        metrics,
        parent_id=tags.get("mlflow.parentRunId"),
        dataset=_data_set(run),
        run_id=run.info.run_id,
        status=run.info.status,
        job=int(job),
        overrides=overrides,
    ).asked
    try:
        record.images  # noqa: B018 (it reads a param)
    except ValueError:
        size = record.params[f"{record.part}_images"]
        raise ValueError(f"its param {record.part}_images is {size!r}, not a number") from None
    return record


def _data_set(run: Run) -> DataSet | None:
    """Return a run's data set; earlier versions, and some servers, have none."""
    inputs = run.inputs.dataset_inputs if run.inputs else []
    data_sets = [DataSet(i.dataset.name, i.dataset.digest, i.dataset.source, {}) for i in inputs]
    return data_sets[0] if data_sets else None
