"""Runs read back from the store as records, for a report on them."""

import contextlib
import csv
import math
import os
import re
import shlex
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from noise_exp.errors import UserError
from noise_exp.records.facts import masked
from noise_exp.records.record import CURVES, Record, of_failed
from noise_exp.tracking.delivery import reason
from noise_exp.tracking.store import DEFAULT_URI

_PAGE = 1000
_READERS = 4
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_RUNS_FILE = "runs.csv"
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Found:
    """What a user asked for.

    Attributes
    ----------
    runs
        Those that have ended, the newest last.
    parents
        The sweeps among the names.
    running
        How many runs have not ended and are left out.
    sweep
        The sweep that it is all of; None if it is anything else.
    """

    runs: list[Run]
    parents: list[Run]
    experiment_id: str
    running: int
    sweep: Run | None


@contextlib.contextmanager
def opened(uri: str | None) -> Iterator[MlflowClient]:
    """Open a store that is there already; None as for `Store`.

    Raises
    ------
    UserError
        If there is none, or it cannot be read or written.
    """
    try:
        yield connect(uri)
    except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
        given = masked(uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI)
        raise UserError(
            f"the store {given} cannot be used: {reason(error)}; give --uri another"
        ) from None


def connect(uri: str | None) -> MlflowClient:
    """Return a client of a store that is there already; None as for `Store`.

    Raises
    ------
    UserError
        If it is a file's, and there is none.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if uri.startswith(_SQLITE):
        path = Path(uri.removeprefix(_SQLITE)).absolute()
        if not path.is_file():
            raise UserError(f"there is no store {uri} here; give --uri, or run a sweep first")
        uri = f"{_SQLITE}{path}"
    return MlflowClient(uri)


def find(client: MlflowClient, names: Sequence[str], experiment: str) -> Found:
    """Return the runs that any of the names stands for, each once.

    A name is a run's id (of a sweep: all its runs, those of earlier sweeps that it reused among
    them), an experiment's name (all its runs that finished or failed), or a filter in MLflow's
    search language, within `experiment`.

    Raises
    ------
    UserError
        If a name stands for nothing or for no training run, the filter is none, or no run has
        ended.
    """
    runs: dict[str, Run] = {}
    parents: list[Run] = []
    experiment_id = ""
    for name in names:
        if _RUN_ID.fullmatch(name):
            run = _run(client, name)
            kind = run.data.tags.get("kind", "no kind")
            if kind == "sweep":
                parents.append(run)
                found = _of_sweep(client, run)
            elif kind == "run":
                found = [run]
            else:
                raise UserError(
                    f"run {name} is no training run but of kind {kind!r}; give a sweep's or a "
                    "training run's id"
                )
            where = run.info.experiment_id
        else:
            named = client.get_experiment_by_name(name)
            within = named or client.get_experiment_by_name(experiment)
            if within is None:
                raise UserError(f"the store has no experiment {experiment!r}; give --experiment")
            where = within.experiment_id
            found = _search(client, where, "" if named else name)
        if not found:
            raise UserError(f"{name!r} stands for no run in the store")
        experiment_id = experiment_id or where
        runs |= {run.info.run_id: run for run in found}
    ended = [run for run in runs.values() if run.info.status != "RUNNING"]
    if not ended:
        raise UserError(f"no run of {', '.join(map(repr, names))} has ended yet")
    return Found(
        sorted(ended, key=lambda run: run.info.start_time),
        parents,
        experiment_id,
        len(runs) - len(ended),
        parents[0] if parents and len(names) == 1 else None,
    )


def by_id(client: MlflowClient, where: str, run_ids: Sequence[str]) -> dict[str, Run]:
    """Return runs of an experiment by their ids, those that are still there, a page per query."""
    found: dict[str, Run] = {}
    for i in range(0, len(run_ids), _PAGE):
        ids = ", ".join(f"'{run_id}'" for run_id in run_ids[i : i + _PAGE])
        for run in client.search_runs([where], f"attributes.run_id IN ({ids})", max_results=_PAGE):
            found[run.info.run_id] = run
    return found


def read(client: MlflowClient, runs: Iterable[Run]) -> list[Record]:
    """Return the runs as records, with their curves: a few queries per run."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda run: _record(client, run), runs))


def keep(
    client: MlflowClient,
    found: Found,
    on: Run | None,
    folder: Path,
    files: Sequence[str],
    name: str,
) -> str:
    """Log a report's files on a run, or with None on a new one of their own; return its id."""
    if on:
        run_id = on.info.run_id
    else:
        tags = {"kind": "report", "mlflow.note.content": f"Made by\n\n    {name}\n"}
        run_id = client.create_run(found.experiment_id, tags=tags, run_name=name).info.run_id
    for file in files:
        client.log_artifact(run_id, str(folder / file))
    if not on:
        client.set_terminated(run_id)
    return run_id


def _run(client: MlflowClient, run_id: str) -> Run:
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise UserError(f"the store has no run {run_id}") from None


def _of_sweep(client: MlflowClient, parent: Run) -> list[Run]:
    """Return the runs of a sweep; those that it reused are in its table of runs."""
    where = parent.info.experiment_id
    found = _search(client, where, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    known = {run.info.run_id for run in found}
    with TemporaryDirectory() as folder:
        try:
            path = client.download_artifacts(parent.info.run_id, _RUNS_FILE, folder)
            with Path(path).open(newline="") as file:
                listed = [row["run_id"] for row in csv.DictReader(file) if row.get("run_id")]
        except (MlflowException, OSError):  # a sweep that was cut short has none
            listed = []
    reused = [run_id for run_id in listed if run_id not in known]
    return [*found, *by_id(client, where, reused).values()]


def _search(client: MlflowClient, experiment_id: str, condition: str) -> list[Run]:
    both = " and ".join(part for part in ("tags.kind = 'run'", condition) if part)
    runs: list[Run] = []
    token = None
    while True:
        try:
            page = client.search_runs([experiment_id], both, max_results=_PAGE, page_token=token)
        except MlflowException as error:
            raise UserError(
                f"{condition!r} is neither a run's id, an experiment's name nor a filter: "
                f"{reason(error)}"
            ) from None
        runs += page
        token = page.token
        if not token:
            return runs


def _record(client: MlflowClient, run: Run) -> Record:
    tags, metrics, params = run.data.tags, run.data.metrics, run.data.params
    error = None
    if run.info.status != "FINISHED":
        error = tags.get("error", run.info.status)
    known = [key for key in CURVES if key in metrics and not error]
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in known}
    epochs = 1 + max((m.step for history in histories.values() for m in history), default=-1)
    curves = {}
    for key, history in histories.items():
        if len(history) == 1 < epochs:  # a total alone is no curve
            continue
        curves[key] = [math.nan] * epochs
        for metric in history:
            curves[key][metric.step] = metric.value
    return Record(
        params or of_failed(_overrides(tags), tags.get("dist", "?")),
        metrics,
        curves,
        tags.get("article_letter"),
        tags.get("diverged") == "true",
        error,
        run.info.run_id,
        tags.get("source_digest"),
    )


def _overrides(tags: Mapping[str, str]) -> list[str]:
    try:
        return shlex.split(tags.get("overrides", ""))
    except ValueError:  # the tag was cut off in the middle of a quotation
        return []


def finished(uri: str | None, experiment: str, source_digest: str) -> set[str]:
    """Return the fingerprints of the finished runs of this source code; changes nothing."""
    try:
        client = connect(uri)
    except UserError:
        return set()
    found = client.get_experiment_by_name(experiment)
    condition = f"attributes.status = 'FINISHED' and tags.source_digest = '{source_digest}'"
    runs = _search(client, found.experiment_id, condition) if found else []
    return {run.data.tags["fingerprint"] for run in runs}
