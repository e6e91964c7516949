"""The command line: compose, train, track."""

import errno
import logging
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
import numpy as np
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from noise_exp import __version__, cores
from noise_exp.config import CONF_DIR
from noise_exp.console import progress
from noise_exp.errors import UserError
from noise_exp.experiment import Experiment, Test, source_digest
from noise_exp.results import Result

if TYPE_CHECKING:  # importing MLflow takes over a second
    from noise_exp.tracking import Run

log = logging.getLogger(__name__)


def main() -> None:
    """Entry point of `python -m noise_exp` and of the script `noise-exp`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends runs as Ctrl-C does
    try:
        _task()
    except KeyboardInterrupt:
        sys.exit("noise_exp: interrupted")


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")
def _task(cfg: DictConfig) -> float:
    """Run one job; return its score for Hydra's sweepers: the cost of the last epoch."""
    job = HydraConfig.get()
    folder = Path(job.runtime.output_dir)
    try:
        result = _run(cfg)
    except Exception as error:
        message = _for_the_user(error)
        if job.mode == RunMode.RUN:
            if message:
                sys.exit(f"noise_exp: {message}")
            raise
        # The other jobs go on; the end of the sweep names this one and exits with an error.
        if message is None:
            log.exception("Job %s failed", job.job.num)
            message = f"{type(error).__name__}: {error}"
        result = Result(*_identity(), letter=None, error=message)
    try:
        result.save(folder)
    except OSError as error:
        log.error("The result cannot be written to %s: %s", folder, error.strerror)
    return result.final_cost


def _for_the_user(error: Exception) -> str | None:
    """Say in one line what the user can mend; None for what is our own mistake."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        where = error.filename or "the output"
        return f"no space left to write {where}; free some or choose another folder"
    return None


def _identity() -> tuple[int, list[str], str]:
    """Return this job's number, its overrides and its option of dist."""
    job = HydraConfig.get()
    number = job.job.num if job.mode == RunMode.MULTIRUN else 0
    return number, list(job.overrides.task), job.runtime.choices["dist"]


def _name(cfg: DictConfig) -> str:
    return f"{HydraConfig.get().runtime.choices['dist']} seed={cfg.seed}"


def _run(cfg: DictConfig) -> Result:
    experiment = Experiment(cfg, cfg.threads or cores.per_job(HydraConfig.get().launcher))
    if not cfg.tracking.enabled:
        return _train(cfg, experiment, None)
    from noise_exp.tracking import Store

    store = Store(cfg.tracking.uri, cfg.tracking.experiment)
    job = HydraConfig.get()
    multirun = job.mode == RunMode.MULTIRUN
    sweep = str(job.sweep.dir)
    tags = {
        "kind": "run",
        "fingerprint": experiment.fingerprint,
        "code_version": f"{__version__}+{source_digest()}",
        "diverged": "false",
    }
    if experiment.letter:
        tags["article_letter"] = experiment.letter
    if multirun:
        tags["sweep"] = sweep
    parent = store.sweep_parent(sweep) if multirun else None
    with store.start_run(_name(cfg), tags, parent) as run:
        run.describe(_params(cfg, experiment), OmegaConf.to_yaml(cfg, resolve=True))
        run.log_data(
            job.runtime.choices["data"],
            experiment.split.digest,
            experiment.split.source,
            {
                "training": len(experiment.split.train_labels),
                "test": len(experiment.split.test_labels),
            },
        )
        result = _train(cfg, experiment, run)
    if not multirun:
        log.info("Browse the runs: %s", store.ui_hint())
    return result


def _train(cfg: DictConfig, experiment: Experiment, run: "Run | None") -> Result:
    number, overrides, dist = _identity()
    costs: list[float] = []
    alone = str(HydraConfig.get().launcher._target_).endswith("BasicLauncher")
    for record in progress(experiment.train(), experiment.epochs, _name(cfg), alone):
        costs.append(record.cost)
        if run:
            run.log_epoch(record)
    test = experiment.test()
    result = Result(
        job=number,
        overrides=overrides,
        dist=dist,
        letter=experiment.letter,
        costs=[cost if math.isfinite(cost) else None for cost in costs],
        test_errors=test.errors,
        test_size=len(test.wrong),
        train_seconds=record.train_seconds,
        forward_passes=record.forward_passes,
        diverged=not all(map(math.isfinite, costs)),
        run_id=run.id if run else None,
    )
    if run:
        _log_result(run, experiment, test, result)
    log.info(
        "%s: %d of %d test images wrong, cost %.4f -> %.4f in %.1f s%s",
        f"{dist} ({experiment.letter})" if experiment.letter else dist,
        result.test_errors,
        result.test_size,
        costs[0],
        costs[-1],
        result.train_seconds,
        ", diverged" if result.diverged else "",
    )
    return result


def _log_result(run: "Run", experiment: Experiment, test: Test, result: Result) -> None:
    """Log what a finished run leaves: final metrics and artifacts."""
    from noise_exp.figures import cost_curve

    run.log_metrics(
        {
            "test_errors": test.errors,
            "test_error_rate": test.error_rate,
            "train_seconds": result.train_seconds,
            "forward_passes": result.forward_passes,
        }
    )
    if result.diverged:
        run.tag(diverged="true")
    costs = [math.nan if cost is None else cost for cost in result.costs]
    run.log_figure(cost_curve(costs, f"{result.dist}: cost per epoch"), "cost.png")
    tensors: dict[str, np.ndarray] = {}
    for i, (weights, biases) in enumerate(experiment.network.views(experiment.parameters), 1):
        tensors |= {f"W{i}": weights, f"b{i}": biases}
    run.log_weights(tensors)
    run.log_table(
        ("image", "label", "output", "wrong"),
        [
            (int(i), int(label), float(output), bool(wrong))
            for i, label, output, wrong in zip(
                experiment.split.test_indices,
                experiment.split.test_labels,
                test.outputs,
                test.wrong,
                strict=True,
            )
        ],
        "predictions.csv",
    )


def _params(cfg: DictConfig, experiment: Experiment) -> dict[str, Any]:
    """Flatten the configuration into short names; an option's name stands for its group."""
    choices = HydraConfig.get().runtime.choices
    estimator = choices["estimator"] if experiment.law else "exact_gradient"
    params: dict[str, Any] = {"dist": choices["dist"], "estimator": estimator}
    params |= {group: choices[group] for group in ("optimizer", "seeds", "data", "network")}
    params |= {key: cfg[key] for key in ("seed", "epochs")}
    params |= {key: cfg[key].value for key in ("dtype", "stream")}
    for group in ("dist", "estimator", "optimizer", "seeds", "data", "network"):
        if group == "estimator" and not experiment.law:
            continue
        for key, value in cfg[group].items():
            if key not in ("_target_", "law"):
                params[f"{group}.{key}"] = value
    return params
