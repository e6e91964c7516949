"""Runs read back from the store: found by what a user or a sweep asks for, as records.

People edit stores: what makes no sense is left out, and named.
"""

import csv
import dataclasses
import json
import logging
import math
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from noise_exp.errors import UserError
from noise_exp.redaction import masked
from noise_exp.runs.record import DataSet, Record, is_curve
from noise_exp.tracking.failures import reason
from noise_exp.tracking.store import Store

_READERS = 4
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_JOB = re.compile(r"[0-9]{1,6}")
_RUNS_FILE = "runs.csv"
_REUSED = "reused."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Selection:
    """What a user asked for.

    Attributes
    ----------
    runs
        Those that have ended, the newest last.
    sweep
        The sweep that it is all of; None if it is anything else.
    """

    runs: list[Run]
    sweep: Run | None


def ask(store: Store, names: Sequence[str]) -> Selection:
    """Return the runs that any of the names stands for, each once.

    A name is a run's id (of a sweep: all its runs, those of earlier sweeps that it reused among
    them), an experiment's name (all its runs that finished or failed), or a filter in MLflow's
    search language, within the store's experiment.

    Raises
    ------
    UserError
        If a name stands for nothing or for no training run, the filter is none, or no run has
        ended.
    """
    runs: dict[str, Run] = {}
    sweep = None
    for name in names:
        sweep, named = _named(store, name)
        if not named:
            raise UserError(f"{name!r} stands for no run in the store {masked(store.uri)}")
        runs |= {run.info.run_id: run for run in named}
    ended = [run for run in runs.values() if run.info.status != "RUNNING"]
    if not ended:
        raise UserError(f"no run of {', '.join(map(repr, names))} has ended yet")
    if running := len(runs) - len(ended):
        log.warning("Left out, as they have not ended: %d runs", running)
    ended.sort(key=lambda run: run.info.start_time or 0)
    return Selection(ended, sweep if len(names) == 1 else None)


def _named(store: Store, name: str) -> tuple[Run | None, list[Run]]:
    """Return what a name stands for: the sweep if it is one, and the runs."""
    if _RUN_ID.fullmatch(name):
        run = store.client.get_run(name)
        kind = run.data.tags.get("kind", "no kind")
        if kind == "sweep":
            return run, _of_sweep(Store.attach(store.uri, run.info.experiment_id), run)
        if kind == "run":
            return None, [run]
        raise UserError(
            f"run {name} is no training run but of kind {kind!r}, by its tag kind; give a sweep's "
            "or a training run's id"
        )
    named = store.client.get_experiment_by_name(name)
    where = named.experiment_id if named else store.experiment_id
    try:
        found = Store.attach(store.uri, where).search("tags.kind = 'run'", "" if named else name)
    except MlflowException as error:
        raise UserError(
            f"{name!r} is neither a run's id, an experiment's name nor a filter: {reason(error)}"
        ) from None
    return None, found


def _of_sweep(store: Store, parent: Run) -> list[Run]:
    """Return the runs of a sweep; those that it reused are in its table of runs.

    Raises
    ------
    UserError
        If it reused runs, and which they are cannot be read.
    """
    sweep_id = parent.info.run_id
    runs = {run.info.run_id: run for run in children(store, sweep_id)}
    # A sweep that was cut short has no table, and counted nothing; its jobs may have said it.
    listed = {str(reused.run_id) for reused in reused_runs(store, sweep_id)}
    with TemporaryDirectory() as folder:
        try:
            path = store.client.download_artifacts(sweep_id, _RUNS_FILE, folder)
            with Path(path).open(newline="", encoding="utf-8") as file:
                listed |= {row["run_id"] for row in csv.DictReader(file) if row.get("run_id")}
        except (MlflowException, OSError, ValueError, csv.Error) as error:
            if count := int(parent.data.metrics.get("reused", 0)):
                raise UserError(
                    f"sweep {sweep_id} reused {count} runs, and its {_RUNS_FILE}, which says "
                    f"which, cannot be read ({reason(error)}); report on its own runs alone by "
                    f"\"tags.mlflow.parentRunId = '{sweep_id}'\""
                ) from None
    runs |= store.by_id(sorted(listed - runs.keys()))
    if gone := sorted(listed - runs.keys()):
        log.warning(
            "Left out, as they are no longer in the store: runs %s of sweep %s",
            ", ".join(gone), sweep_id,
        )  # fmt: skip
    return list(runs.values())


def children(store: Store, parent_id: str) -> list[Run]:
    """Return the runs of a sweep that it started itself."""
    return store.search("tags.kind = 'run'", f"tags.mlflow.parentRunId = '{parent_id}'")


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


def finished(store: Store, source_digest: str) -> dict[str, tuple[Run, Record]]:
    """Return the finished runs of this source code, with their records, by fingerprint.

    The newest of each counts. One query, whatever the number of runs asked for.
    """
    runs = store.search(
        "attributes.status = 'FINISHED'",
        "tags.kind = 'run'",
        f"tags.source_digest = '{source_digest}'",
    )
    found = {}
    for run, record in reversed(sensible(runs)):
        if math.isnan(record.errors):
            leave_out(run, f"it has no metric {record.part}_errors")
        else:
            found[run.data.tags.get("fingerprint", "")] = run, record
    return found


def note_reused(store: Store, parent_id: str, record: Record) -> None:
    """Say on a sweep's run that an earlier run stands for a job."""
    said = {"run_id": record.run_id, "overrides": shlex.join(record.overrides)}
    store.client.set_tag(parent_id, f"{_REUSED}{record.job}", json.dumps(said))


def reused_runs(store: Store, parent_id: str) -> list[Record]:
    """Return what jobs said that earlier runs stand for: their ids, numbers and overrides."""
    found = []
    for key, value in store.client.get_run(parent_id).data.tags.items():
        if key.startswith(_REUSED):
            try:
                said = json.loads(value)
                run_id, overrides = str(said["run_id"]), shlex.split(said["overrides"])
                job = int(key.removeprefix(_REUSED))
            except (ValueError, TypeError, LookupError, AttributeError):
                log.warning("Left out: %s, a tag of run %s that makes no sense", key, parent_id)
                continue
            found.append(
                Record("", run_id=run_id, job=job, overrides=overrides, reused=True,
                       status="FINISHED")
            )  # fmt: skip
    return found


def read(store: Store, runs: Iterable[Run]) -> list[Record]:
    """Return the runs that make sense as records, with their curves: a few queries per run."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda pair: _with_curves(store, *pair), sensible(runs)))


def _with_curves(store: Store, run: Run, record: Record) -> Record:
    known = [key for key in run.data.metrics if is_curve(key) and not record.error]
    histories = {key: store.client.get_metric_history(run.info.run_id, key) for key in known}
    epochs = 1 + max((m.step for history in histories.values() for m in history), default=-1)
    curves = {}
    for key, history in histories.items():
        if len(history) == 1 < epochs:  # a total alone is no curve
            continue
        curves[key] = [math.nan] * epochs
        for metric in history:
            curves[key][metric.step] = metric.value
    return dataclasses.replace(record, curves=curves)


def keep(
    store: Store, asked: Selection, on: Run | None, folder: Path, files: Sequence[str], command: str
) -> str:
    """Log a report's files on a run, or with None on a new one of their own; return its id."""
    if on:
        run_id = on.info.run_id
    else:
        tags = {"kind": "report", "mlflow.note.content": f"Made by\n\n    {command}\n"}
        where = asked.runs[-1].info.experiment_id
        run = store.client.create_run(where, tags=tags, run_name=command)
        run_id = run.info.run_id
    for file in files:
        store.client.log_artifact(run_id, str(folder / file))
    if not on:
        store.client.set_terminated(run_id)
    return run_id
