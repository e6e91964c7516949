"""One job: built, trained, recorded in its folder and told to the store."""

import contextlib
import logging
import math
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from noise_exp import __version__
from noise_exp.errors import UserError, in_words
from noise_exp.records.disk import RECORDS, decoded
from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import NAME_LENGTH, DataSet, Record, key_of
from noise_exp.records.secrets import completed
from noise_exp.redaction import redacted
from noise_exp.run import artifacts, launchers
from noise_exp.run.build import BUDGETS, build
from noise_exp.run.context import Job, SweepContext
from noise_exp.run.fingerprint import fingerprint, kernel, source_digest
from noise_exp.run.progress import progress
from noise_exp.terminal import program
from noise_exp.tracking.recording import Recording
from noise_exp.training import baselines, data
from noise_exp.training.article import article_letter
from noise_exp.training.trial import Trial

if TYPE_CHECKING:  # a second of MLflow that an untracked run has no use for
    from noise_exp.tracking.store import Store

_TAG_LENGTH = 5000
_SHOWN = 12  # names of classes in a line

log = logging.getLogger(__name__)


def run(cfg: DictConfig) -> Record:
    """Run the job that Hydra composed; with resume=true only if no finished run stands for it.

    Raises
    ------
    UserError
        If the configuration has a mistake; of a job of a sweep the store has a row all the same,
        and so it has of any other error but a lack of memory.
    ToldError
        If the store does not know all of a run alone.
    """
    job, sweep = Job.current(), SweepContext.instance()
    begun = _begun(cfg, job, sweep)
    if not job.in_sweep:
        return _run(cfg, job, sweep, begun)
    launchers.end_with(sweep.pid)
    try:
        return _run(cfg, job, sweep, begun)
    except Exception as error:
        _leave_word(job, begun, error)
        raise


def _run(cfg: DictConfig, job: Job, sweep: SweepContext, begun: Record) -> Record:
    try:
        trial = build(cfg, cfg.threads or launchers.per_job(job.launcher))
        kept = _as_kept(cfg)
        begun = _described(begun, cfg, kept, job, trial)
    except Exception as error:
        if not job.in_sweep and isinstance(error, UserError | MemoryError):
            raise
        store = _store(cfg, job, sweep)
        with _recording(begun, cfg, job, store):
            raise
    store = _store(cfg, job, sweep)
    record = None
    if store and cfg.resume:
        from noise_exp.run import standing  # MLflow

        record = standing.found(store, job, sweep, begun)
    run_id = record and record.run_id
    if not record:
        with _recording(begun, cfg, job, store) as journal:
            record = _train(kept, job, trial, journal)
            _say(record)
        run_id = journal.record.run_id
    elif not job.in_sweep:
        _say(record)
    if store and not job.in_sweep:
        log.info("Browse the runs:\n    %s", store.browse)
        if run_id:
            log.info("Take this one further:\n%s", _commands(cfg.tracking, run_id))
    return record


def _commands(tracking: DictConfig, run_id: str) -> str:
    """Return what can be done next with a run."""
    uri = f" --uri {shlex.quote(redacted(tracking.uri))}" if tracking.uri else ""
    python = shlex.quote(program("python"))
    report = f"    {python} -m noise_exp.report {run_id}{uri}"
    predict = f"    {python} -m noise_exp.predict {run_id} IMAGES...{uri}"
    return f"{report}\n{predict}" if tracking.model else report


def _leave_word(job: Job, begun: Record, error: Exception) -> None:
    """Leave word of a failure that reached no record, where the end of the sweep finds it."""
    with contextlib.suppress(OSError, ValueError):
        if Journal.load(job.folder).record.uid == begun.uid:
            return
    with contextlib.suppress(OSError, UserError):
        folder = job.sweep_folder / RECORDS / f"failed-{job.number}"
        journal = Journal.start(folder, begun)
        journal.end("FAILED", error=in_words(error))
        journal.release()


def _begun(cfg: DictConfig, job: Job, sweep: SweepContext) -> Record:
    """Return what is known of the run before it is built."""
    tags = {
        "kind": "run",
        "job": str(job.number),
        "dist": job.choices["dist"],
        "overrides": redacted(shlex.join(job.overrides))[:_TAG_LENGTH],
        "diverged": "false",
        "code_version": f"{__version__}+{source_digest()}",
        "source_digest": source_digest(),
        "kernel": kernel(),
    }
    if job.in_sweep:
        tags["sweep"] = str(job.sweep_folder)
    return Record(
        _name(cfg, job, sweep.swept),
        tags,
        command=redacted(shlex.join(["python", "-m", "noise_exp", *job.overrides])),
        parent_id=sweep.parent_id,
        sweep=sweep.uid,
        job=job.number,
        overrides=[redacted(override) for override in job.overrides],
    )


def _name(cfg: DictConfig, job: Job, swept: Sequence[str]) -> str:
    """Return the law, what else the sweep varies, and the seed."""
    told = {"dist", "seed"}
    others = [
        o.lstrip("+") for o in job.overrides if (key := key_of(o)) in swept and key not in told
    ]
    return redacted(" ".join([job.choices["dist"], *others, f"seed={cfg.seed}"]))[:NAME_LENGTH]


def _described(begun: Record, cfg: DictConfig, kept: DictConfig, job: Job, trial: Trial) -> Record:
    """Add what is known of the run once it is built."""
    split = trial.split
    sizes = {"training": len(split.train_labels), _part(trial): len(split.test_labels)}
    tags = {**begun.tags, "fingerprint": fingerprint(cfg, trial)}
    if letter := article_letter(trial.law.name if trial.law else None):
        tags["article_letter"] = letter
    return replace(
        begun,
        tags=tags,
        params=_params(kept, job, trial, sizes),
        dataset=DataSet(job.choices["data"], split.digest, split.source, sizes),
    )


def _as_kept(cfg: DictConfig) -> DictConfig:
    """Return a configuration in which what the environment holds keeps its name there."""

    def kept(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: kept(value) for key, value in node.items()}
        if isinstance(node, list):
            return [kept(value) for value in node]
        secret = isinstance(node, str) and "${oc.env:" in node
        return node.replace("${", "\\${") if secret else node

    return OmegaConf.create(kept(OmegaConf.to_container(cfg, resolve=False)))


def _part(trial: Trial) -> str:
    return "validation" if trial.split.validation else "test"


def _params(cfg: DictConfig, job: Job, trial: Trial, sizes: dict[str, int]) -> dict[str, str]:
    """Flatten the configuration into short names; an option's name stands for its group."""
    choices = job.choices
    estimator = choices["estimator"] if trial.law else "exact_gradient"
    params: dict[str, Any] = {"dist": choices["dist"], "estimator": estimator}
    params |= {group: choices[group] for group in ("optimizer", "seeds", "data", "network")}
    params |= {key: cfg[key] for key in ("seed", *BUDGETS, "batch_size")}
    params |= {key: cfg[key].value for key in ("cost", "score", "dtype", "stream")}
    if trial.law:
        params["noise_transform"] = cfg.noise_transform.value
    params |= {f"{part}_images": size for part, size in sizes.items()}
    for group in ("dist", "estimator", "optimizer", "seeds", "data", "network"):
        if group == "estimator" and not trial.law:
            continue
        for key, value in cfg[group].items():
            if key != ("_target_" if "_target_" in cfg[group] else "law"):
                params[f"{group}.{key}"] = value
    return {key: str(value) for key, value in params.items()}


def _store(cfg: DictConfig, job: Job, sweep: SweepContext) -> "Store | None":
    """Return the store that is told of the run; a job of a sweep is told of it itself."""
    if not cfg.tracking.enabled:
        return None
    from noise_exp.tracking.store import Store

    if job.in_sweep and sweep.uri:
        return Store.attach(completed(sweep.uri), sweep.experiment_id)
    return Store.open(cfg.tracking.uri, cfg.tracking.experiment)


def _recording(begun: Record, cfg: DictConfig, job: Job, store: "Store | None") -> Recording:
    if store:
        outer = begun.parent_id if job.in_sweep else store.outer()
        begun = replace(begun, parent_id=outer)
    # What others find in a folder that they share is left to them: the end of a sweep delivers it.
    # A process of Slurm's ends with its job, and the launching one may have ended before.
    waits = (
        not job.in_sweep
        or launchers.keeps_what_it_sends(job.launcher)
        or not job.shares_folder(SweepContext.instance())
    )
    patience = cfg.tracking.patience if waits else None
    owed = Owed(store.uri, store.experiment_id) if store else Owed()
    return Recording(job.folder, begun, owed, patience, last=not job.in_sweep)


def _train(cfg: DictConfig, job: Job, trial: Trial, journal: Journal) -> Record:
    """Train and test, and record both, and the configuration as it is kept."""
    if journal.owed.uri:
        text = redacted(OmegaConf.to_yaml(cfg, resolve=True))
        journal.log_artifacts({"config.yaml": decoded(text).encode()})
    total = SweepContext.instance().total
    _say_images(cfg, trial)
    place = f"{job.number + 1}/{total} " if job.in_sweep and total else ""
    alone = launchers.is_serial(job.launcher)
    for epoch in progress(trial.train(), place + journal.record.name, alone, job.in_sweep):
        journal.log_epoch(epoch)
    tested, part = trial.test(), _part(trial)
    metrics = {f"{part}_errors": tested.errors, f"{part}_error_rate": tested.error_rate}
    if math.isfinite(tested.cost):
        metrics[f"{part}_cost"] = tested.cost
    if not trial.split.validation:
        metrics |= baselines.errors(trial.split)
    curves = journal.read().curves
    diverged = not all(map(math.isfinite, curves["cost"]))
    journal.update(metrics=metrics, tags={"diverged": str(diverged).lower()})
    record = replace(journal.record, status="FINISHED", curves=curves)
    if journal.owed.uri:
        artifacts.keep(journal, trial, tested, cfg.tracking)
    return record


def _say_images(cfg: DictConfig, trial: Trial) -> None:
    """Say what images of the user's own there are, and warn of a scale that hides them."""
    split, (low, high) = trial.split, trial.split.pixel_range
    if not str(cfg.data["_target_"]).startswith(f"{data.__name__}."):
        classes = [str(c) for c in split.names or split.digits or range(split.classes)]
        shown = ", ".join(classes[:_SHOWN] + ["..."] * (len(classes) > _SHOWN))
        strange = int((split.test_labels >= split.classes).sum())
        wrong = f", {strange} of them of classes that training lacks (counted as wrong)"
        log.info(
            f"{split.source}: {len(split.train_labels)} images for training, "
            f"{len(split.test_labels)} for {_part(trial)}{wrong if strange else ''}; "
            f"{len(classes)} classes ({shown}); pixels {low:g} to {high:g}"
        )
    reach, divisor = max(abs(low), abs(high)), split.pixel_divisor
    if divisor > 1 and 0 < reach <= divisor / 10:
        log.warning(
            f"data.pixel_divisor={divisor:g} makes pixels of {low:g} to {high:g} too faint: the "
            f"network sees {reach / divisor:.2g} at most; "
            f"write data.pixel_divisor={max(1, reach):g}"
        )


def _say(record: Record) -> None:
    costs = record.curves["cost"]
    log.info(
        "%s: %.0f of %.0f %s images wrong, cost %.4f -> %.4f in %.1f s%s",
        f"{record.dist} ({record.letter})" if record.letter else record.dist,
        record.errors,
        record.images,
        record.part,
        costs[0],
        costs[-1],
        record.seconds,
        ", diverged" if record.diverged else "",
    )
