"""One job: built, trained, recorded in its folder and in the store."""

import contextlib
import logging
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from noise_exp import __version__
from noise_exp.errors import UserError, in_words
from noise_exp.job.build import BUDGETS
from noise_exp.job.config import TrackingConfig
from noise_exp.job.describe import GROUPS, Job, SweepContext
from noise_exp.job.fingerprint import fingerprint, kernel, source_digest
from noise_exp.job.train import say, train
from noise_exp.redaction import redacted
from noise_exp.runs.disk import RECORDS
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import NAME_LENGTH, DataSet, Owed, Record, key_of
from noise_exp.runs.secrets import completed
from noise_exp.terminal import program
from noise_exp.tracking.recording import Recording
from noise_exp.training.article import article_letter
from noise_exp.training.objective import WORK_UNIT
from noise_exp.training.trial import Trial

if TYPE_CHECKING:  # a second of MLflow that an untracked run has no use for
    from noise_exp.tracking.store import Store

_TAG_LENGTH = 5000

log = logging.getLogger(__name__)


def run(job: Job, build: Callable[[], Trial]) -> Record:
    """Build a job and run it; with resume=true only if no finished run stands for it.

    Raises
    ------
    UserError
        If the configuration has a mistake; of a job of a sweep the store has a row all the same,
        and so it has of any other error but a lack of memory.
    ReportedError
        If the store does not know all of a run alone.
    """
    begun = _begun(job)
    if not job.in_sweep:
        return _run(job, build, begun)
    try:
        return _run(job, build, begun)
    except Exception as error:
        _record_failure(job, begun, error)
        raise


def _run(job: Job, build: Callable[[], Trial], begun: Record) -> Record:
    try:
        trial = build()
        begun = _described(begun, job, trial)
    except Exception as error:
        if not job.in_sweep and isinstance(error, UserError | MemoryError):
            raise
        with _recording(begun, job, store_of(job.tracking, job.sweep)):
            raise
    store = store_of(job.tracking, job.sweep)
    record = None
    if store and job.config["resume"]:
        from noise_exp.job import reuse  # MLflow

        record = reuse.found(store, job, begun)
    if not record:
        with _recording(begun, job, store) as journal:
            record = train(job, trial, journal)
            say(record)
        record = replace(record, run_id=journal.record.run_id)
    elif not job.in_sweep:
        say(record)
    if store and not job.in_sweep:
        log.info("Browse the runs:\n    %s", store.browse)
        if record.run_id:
            log.info("Take this one further:\n%s", _commands(job, record.run_id))
    return record


def _commands(job: Job, run_id: str) -> str:
    """Return what can be done next with a run."""
    uri = f" --uri {shlex.quote(redacted(job.tracking.uri))}" if job.tracking.uri else ""
    python = shlex.quote(program("python"))
    report = f"    {python} -m noise_exp.report {run_id}{uri}"
    predict = f"    {python} -m noise_exp.predict {run_id} IMAGES...{uri}"
    return f"{report}\n{predict}" if job.tracking.model else report


def _record_failure(job: Job, begun: Record, error: Exception) -> None:
    """Leave word of a failure that reached no record, where the end of the sweep finds it."""
    with contextlib.suppress(OSError, ValueError):
        if Journal.load(job.folder).record.uid == begun.uid:
            return
    with contextlib.suppress(OSError, UserError):
        folder = job.sweep_folder / RECORDS / f"failed-{job.number}"
        journal = Journal.start(folder, begun)
        journal.end("FAILED", error=in_words(error))
        journal.release()


def _begun(job: Job) -> Record:
    """Return what is known of the run before it is built."""
    return Record(
        _name(job),
        _tags(job),
        command=redacted(shlex.join(["python", "-m", "noise_exp", *job.overrides])),
        parent_id=job.sweep.parent_id,
        sweep=job.sweep.uid,
        job=job.number,
        overrides=[redacted(override) for override in job.overrides],
    )


def _tags(job: Job) -> dict[str, str]:
    """Return the tags that every run has from its start; docs/runs.md explains each."""
    tags = {
        "kind": "run",
        "job": str(job.number),
        "dist": job.choices["dist"],
        "overrides": redacted(shlex.join(job.overrides))[:_TAG_LENGTH],
        "diverged": "false",
        "code_version": f"{__version__}+{source_digest()}",
        "source_digest": source_digest(),
        "kernel": kernel(),
        "work_unit": WORK_UNIT,
    }
    return tags | ({"sweep": str(job.sweep_folder)} if job.in_sweep else {})


def _name(job: Job) -> str:
    """Return the distribution, what else the sweep varies, and the seed."""
    keys = {*job.sweep.swept} - {"dist", "seed"}
    others = [o.lstrip("+") for o in job.overrides if key_of(o) in keys]
    seed = f"seed={job.config.get('seed', '?')}"
    return redacted(" ".join([job.choices["dist"], *others, seed]))[:NAME_LENGTH]


def _described(begun: Record, job: Job, trial: Trial) -> Record:
    """Add what is known of the run once it is built."""
    split = trial.split
    part = "validation" if split.validation else "test"
    sizes = {"training": len(split.train_labels), part: len(split.test_labels)}
    tags = {**begun.tags, "fingerprint": fingerprint(job.config, trial)}
    if letter := article_letter(trial.distribution.name if trial.distribution else None):
        tags["article_letter"] = letter
    return replace(
        begun,
        tags=tags,
        params=_params(job, trial, sizes),
        dataset=DataSet(job.choices["data"], split.digest, split.source, sizes),
    )


def _params(job: Job, trial: Trial, sizes: Mapping[str, int]) -> dict[str, str]:
    """Flatten the configuration into short names; an option's name stands for its group."""
    config, params = job.kept, {group: job.choices[group] for group in GROUPS}
    keys = ["seed", *BUDGETS, "batch_size", "cost", "score", "dtype", "stream"]
    if trial.distribution:
        keys.append("noise_transform")
    else:
        params["estimator"] = "exact_gradient"
    values: dict[str, Any] = {key: config[key] for key in keys}
    values |= {f"{part}_images": size for part, size in sizes.items()}
    for group in GROUPS:
        if trial.distribution or group != "estimator":
            values |= {f"{group}.{key}": value for key, value in config[group].items()}
    # An option's name stands for its class, unless another was given in its place.
    hidden = {f"{group}._target_" for group in GROUPS} - {key_of(o) for o in job.overrides}
    values = {key: value for key, value in values.items() if key not in hidden}
    return params | {key: str(value) for key, value in values.items()}


def store_of(tracking: TrackingConfig, sweep: SweepContext | None = None) -> "Store | None":
    """Return the store that a run is recorded in; of a job of a sweep, its sweep's."""
    if not tracking.enabled:
        return None
    from noise_exp.tracking.store import Store

    if sweep and sweep.uri:
        return Store.attach(completed(sweep.uri), sweep.experiment_id)
    return Store.open(tracking.uri, tracking.experiment)


def _recording(begun: Record, job: Job, store: "Store | None") -> Recording:
    if store and not job.in_sweep:
        begun = replace(begun, parent_id=store.outer())
    # What others find in a folder that they share is left to them: the end of a sweep delivers it.
    # A process of Slurm's ends with its job, and the launching one may have ended before.
    waits = not job.in_sweep or job.launcher.submits or not job.shares_folder
    patience = job.tracking.patience if waits else None
    owed = Owed(store.uri, store.experiment_id) if store else Owed()
    return Recording(job.folder, begun, owed, patience, last=not job.in_sweep)
