"""One job: built, trained, recorded in its folder and told to the store."""

import contextlib
import dataclasses
import io
import logging
import math
import os
import shlex
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from noise_exp import __version__
from noise_exp.errors import UserError
from noise_exp.records.facts import Facts, masked
from noise_exp.records.journal import Journal
from noise_exp.records.results import Result
from noise_exp.run import launchers
from noise_exp.run.build import build
from noise_exp.run.context import SweepContext
from noise_exp.run.fingerprint import fingerprint, source_digest
from noise_exp.training import baselines
from noise_exp.training.network import predicted
from noise_exp.training.noise import article_letter
from noise_exp.training.trial import Tested, Trial
from noise_exp.writing.console import progress

_TAG_LENGTH = 5000
_WATCH_SECONDS = 0.5
_LAST_SECONDS = 10.0  # that an interrupted worker may take to tell the store

log = logging.getLogger(__name__)


def run(cfg: DictConfig) -> Result:
    """Run the job that Hydra composed; with resume=true only if no finished run stands for it."""
    context = SweepContext.instance()
    if context.uid:
        _end_with_launcher(context.pid)
        facts = _facts(cfg, context.uri if cfg.tracking.enabled else None, context.experiment_id)
        if context.parent_id:
            facts.tags["mlflow.parentRunId"] = context.parent_id
        try:
            experiment = _experiment(cfg)
        except UserError:
            with _recorded(facts, cfg, context):  # so that the store has a row for it
                raise
        standing = _standing_in_sweep(cfg, context, fingerprint(cfg, experiment))
        if standing:
            log.info("%s: finished already as run %s", _name(cfg), standing.run_id)
            return standing
        return _tracked(cfg, experiment, facts, context)
    experiment = _experiment(cfg)
    if not cfg.tracking.enabled:
        return _tracked(cfg, experiment, _facts(cfg, None, ""), context)
    from noise_exp.tracking import Store

    store = Store(cfg.tracking.uri, cfg.tracking.experiment)
    if cfg.resume:
        alive = store.bury_the_dead().get(fingerprint(cfg, experiment))
        if alive:
            log.info("Waiting for run %s, which another process is at ...", alive)
            store.wait_for(alive)
        found = store.finished(source_digest(), fingerprint(cfg, experiment))
        for standing in store.with_costs(list(found.values())):
            log.info("Finished already as run %s:", standing.run_id)
            _say(standing)
            log.info("Browse the runs:\n    %s", store.browse)
            return standing
    facts = _facts(cfg, store.uri, store.experiment_id)
    result = _tracked(cfg, experiment, facts, context)
    log.info("Browse the runs:\n    %s", store.browse)
    return result


def identity() -> dict[str, Any]:
    """Return what tells this job from the others of its sweep, as fields of a result."""
    job = HydraConfig.get()
    return {
        "job": job.job.num if job.mode == RunMode.MULTIRUN else 0,
        "overrides": list(job.overrides.task),
        "dist": job.runtime.choices["dist"],
        "sweep": SweepContext.instance().uid,
    }


def _experiment(cfg: DictConfig) -> Trial:
    return build(cfg, cfg.threads or launchers.per_job(HydraConfig.get().launcher))


@cache
def _end_with_launcher(pid: int) -> None:
    """Interrupt this worker process on SIGTERM, and when what launched it dies, even by kill -9.

    submitit would pass SIGTERM over. joblib's workers would go on, and then wait forever for a
    next job; Ray's and submitit's are meant to outlive the process that launched them.
    """
    launcher = HydraConfig.get().launcher
    if "submitit_folder" in launcher:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if "n_jobs" not in launcher or os.getpid() == pid:
        return

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(_WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)  # the run ends as KILLED
        time.sleep(_LAST_SECONDS)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=watch, daemon=True).start()


def _standing_in_sweep(cfg: DictConfig, context: SweepContext, fingerprint: str) -> Result | None:
    """Return the result of a finished run that stands for this job."""
    alive = context.alive.get(fingerprint)
    found = context.finished.get(fingerprint)
    if not (cfg.resume and (alive or found)):
        return None
    from noise_exp.tracking import Store, reason

    assert context.uri
    store = Store.attach(context.uri, context.experiment_id)
    if alive and not found:
        log.info("Waiting for run %s, which another process is at ...", alive)
        waited = store.wait_for(alive)
        if waited is None:
            return None
        found = (alive, waited.score)
    assert found
    run_id, score = found
    costs: list[float | None] = [score] if math.isfinite(score) else []
    result = Result(**identity(), letter=None, costs=costs, run_id=run_id, reused=True)
    if context.parent_id and not _shares_folder(context):
        try:
            store.tag_reused(context.parent_id, result)
        except Exception as error:
            log.warning("The sweep could not be told of run %s (%s)", run_id, reason(error))
    return result


def _shares_folder(context: SweepContext) -> bool:
    """Whether the launching process will find what this job leaves in its folder."""
    try:
        return Journal.load(Path(HydraConfig.get().sweep.dir)).facts.uid == context.uid
    except (OSError, ValueError):
        return False


def _name(cfg: DictConfig) -> str:
    return f"{HydraConfig.get().runtime.choices['dist']} seed={cfg.seed}"


def _facts(cfg: DictConfig, uri: str | None, experiment_id: str) -> Facts:
    """Return what is known of the run before it is built."""
    who = identity()
    tags = {
        "kind": "run",
        "job": str(who["job"]),
        "dist": who["dist"],
        "overrides": masked(shlex.join(who["overrides"]))[:_TAG_LENGTH],
        "diverged": "false",
        "code_version": f"{__version__}+{source_digest()}",
        "source_digest": source_digest(),
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": masked(shlex.join(["python", "-m", "noise_exp", *who["overrides"]])),
    }
    if who["sweep"]:
        tags["sweep"] = str(HydraConfig.get().sweep.dir)
    return Facts(_name(cfg), tags, uri=uri, experiment_id=experiment_id)


@contextlib.contextmanager
def _recorded(facts: Facts, cfg: DictConfig, context: SweepContext) -> Iterator[Journal]:
    """Begin the run's record and delivery; end it FINISHED, FAILED or KILLED."""
    uri = facts.uri
    courier = None
    if uri:
        from noise_exp.tracking import Courier, user

        facts.uri = masked(uri)
        facts.tags["mlflow.user"] = user()
    journal = Journal.start(Path(HydraConfig.get().runtime.output_dir), facts)
    if uri:
        courier = Courier(journal, uri)
        courier.start()
    try:
        yield journal
    except Exception as error:
        with contextlib.suppress(OSError):
            text = "".join(traceback.format_exception(error))
            journal.log_artifact("traceback.txt", text.encode())
        journal.end("FAILED", error=f"{type(error).__name__}: {error}"[:_TAG_LENGTH])
        raise
    except BaseException:
        journal.end("KILLED")
        raise
    else:
        journal.end("FINISHED")
    finally:
        if courier:
            # The end of a sweep delivers what its jobs still owe.
            in_sweep = bool(context.uid)
            courier.close(0.0 if in_sweep else cfg.tracking.patience, last=not in_sweep)
        journal.release()


def _tracked(cfg: DictConfig, experiment: Trial, facts: Facts, context: SweepContext) -> Result:
    """Train and test, and record both."""
    split = experiment.split
    part = "validation" if split.validation else "test"
    sizes = {"training": len(split.train_labels), part: len(split.test_labels)}
    facts.params = _params(cfg, experiment, sizes)
    facts.tags["fingerprint"] = fingerprint(cfg, experiment)
    letter = article_letter(experiment.law.name if experiment.law else None)
    if letter:
        facts.tags["article_letter"] = letter
    facts.dataset = {
        "name": HydraConfig.get().runtime.choices["data"],
        "digest": split.digest,
        "source": split.source,
        "sizes": sizes,
    }
    with _recorded(facts, cfg, context) as journal:
        if facts.uri:
            journal.log_artifact(
                "config.yaml", masked(OmegaConf.to_yaml(cfg, resolve=True)).encode()
            )
        costs: list[float] = []
        alone = str(HydraConfig.get().launcher._target_).endswith("BasicLauncher")
        place = f"{identity()['job'] + 1}/{context.total} " if context.total else ""
        shown = progress(experiment.train(), place + _name(cfg), alone, bool(context.uid))
        for record in shown:
            journal.log_epoch(record)
            costs.append(record.cost)
        test = experiment.test()
        result = Result(
            **identity(),
            letter=letter,
            costs=[cost if math.isfinite(cost) else None for cost in costs],
            test_errors=test.errors,
            test_size=len(test.wrong),
            test_cost=test.cost,
            validation=split.validation,
            train_seconds=record.train_seconds,
            forward_passes=record.forward_passes,
            diverged=not all(map(math.isfinite, costs)),
        )
        journal.facts.tags["diverged"] = str(result.diverged).lower()
        journal.facts.metrics = {
            f"{part}_errors": test.errors,
            f"{part}_error_rate": test.error_rate,
        }
        if math.isfinite(test.cost):
            journal.facts.metrics[f"{part}_cost"] = test.cost
        if not split.validation:
            journal.facts.metrics |= baselines.errors(split)
        if facts.uri:
            _keep_artifacts(journal, experiment, test, result)
    _say(result)
    return dataclasses.replace(result, run_id=journal.facts.run_id)


def _say(result: Result) -> None:
    log.info(
        "%s: %d of %d %s images wrong, cost %.4f -> %.4f in %.1f s%s",
        f"{result.dist} ({result.letter})" if result.letter else result.dist,
        result.test_errors,
        result.test_size,
        "validation" if result.validation else "test",
        math.nan if result.costs[0] is None else result.costs[0],
        result.final_cost,
        result.train_seconds,
        ", diverged" if result.diverged else "",
    )


def _keep_artifacts(journal: Journal, experiment: Trial, test: Tested, result: Result) -> None:
    """Keep what a finished run shows: cost curve, weights and predictions."""
    from noise_exp.figures.comparison import cost_curve

    costs = [math.nan if cost is None else cost for cost in result.costs]
    content = io.BytesIO()
    cost_curve(costs, f"{result.dist}: cost per epoch").savefig(content, format="png")
    journal.log_artifact("cost.png", content.getvalue())

    tensors: dict[str, np.ndarray] = {}
    for i, (weights, biases) in enumerate(experiment.network.views(experiment.parameters), 1):
        tensors |= {f"W{i}": weights, f"b{i}": biases}
    content = io.BytesIO()
    np.savez(content, **tensors)  # type: ignore[arg-type]
    journal.log_artifact("weights.npz", content.getvalue())

    split = experiment.split
    lines = ["image,label,predicted,output,wrong"]
    for index, label, outputs, wrong in zip(
        split.test_indices, split.test_labels, test.outputs, test.wrong, strict=True
    ):
        guess = int(predicted(outputs[None])[0])
        shown = outputs[0] if len(outputs) == 1 else outputs[guess]
        lines.append(f"{index},{label},{guess},{float(shown)!r},{bool(wrong)}")
    journal.log_artifact("predictions.csv", ("\n".join(lines) + "\n").encode())


def _params(cfg: DictConfig, experiment: Trial, sizes: dict[str, int]) -> dict[str, str]:
    """Flatten the configuration into short names; an option's name stands for its group."""
    choices = HydraConfig.get().runtime.choices
    estimator = choices["estimator"] if experiment.law else "exact_gradient"
    params: dict[str, Any] = {"dist": choices["dist"], "estimator": estimator}
    params |= {group: choices[group] for group in ("optimizer", "seeds", "data", "network")}
    params |= {key: cfg[key] for key in ("seed", "epochs", "forward_passes", "batch_size")}
    params |= {key: cfg[key].value for key in ("cost", "dtype", "stream")}
    params |= {f"{part}_images": size for part, size in sizes.items()}
    for group in ("dist", "estimator", "optimizer", "seeds", "data", "network"):
        if group == "estimator" and not experiment.law:
            continue
        for key, value in cfg[group].items():
            if key not in ("_target_", "law"):
                params[f"{group}.{key}"] = value
    return {key: str(value) for key, value in params.items()}
