"""What would do something else than was asked, without a word: refused, or said, at the start."""

import logging
import os
import re
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from noise_exp.errors import UserError
from noise_exp.records import secrets
from noise_exp.records.record import key_of, settings
from noise_exp.redaction import redacted
from noise_exp.run import values
from noise_exp.run.context import as_given
from noise_exp.run.typed import keep_text
from noise_exp.terminal import program

# Read as Python or a library starts, or by what launches the jobs.
_AT_START = re.compile("MLFLOW_|HYDRA_|PYTHON|LD_|OMP_|OPENBLAS_|MKL_|NPY_|MPL")
_OF_THE_WHOLE = ("resume", "dry_run", "score")  # and all of tracking: a sweep has one of each
_READ_BEFORE = ("sweeper", "launcher", "callbacks")  # a job is composed

log = logging.getLogger(__name__)


def check(config: DictConfig, *, sweeps: bool = False) -> None:
    """See that a command can do what it asks for.

    What was typed for keys that take text is put in the place of a number that Hydra made of it.

    Raises
    ------
    UserError
        If it cannot.
    """
    secrets.check(OmegaConf.to_container(config))
    with read_write(config), read_write(config.hydra):
        for kind, given in config.hydra.overrides.items_ex(resolve=False):
            config.hydra.overrides[kind] = keep_text(config, as_given(given))
        _one_of_a_key(config)
    _check_values(config, sweeps)
    if config.hydra.job.chdir:
        raise UserError(
            "hydra.job.chdir must be false: tracking.uri, data.path and other relative paths "
            "are meant from the folder where you start; what a run writes lies in its own all "
            "the same"
        )
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if str(folder := OmegaConf.select(config, key)).startswith("~"):
            raise UserError(f"{key}={folder}: nothing replaces the ~ here; write {key}=$HOME/...")
    for name, value in config.hydra.job.env_set.items():
        if _AT_START.match(name) and os.environ.get(name) != value:
            raise UserError(
                f"hydra.job.env_set.{name} comes too late: {name} is read before a job begins; "
                f"set it in the environment, as in {name}=... python -m noise_exp"
            )


def _one_of_a_key(config: DictConfig) -> None:
    """Let the last count of what is set as key, +key or ++key, which are others to sweepers."""
    last = {key_of(given): given for given in as_given(config.hydra.overrides.task)}
    config.hydra.overrides.task = list(last.values())
    params = config.hydra.sweeper.get("params") or OmegaConf.create({})
    with open_dict(params):
        for key in list(params):
            if (given := last.get(key_of(key))) and given.partition("=")[0] != key:
                del params[key]


def _check_values(config: DictConfig, sweeps: bool) -> None:
    hydra = HydraConfig.instance()
    before = hydra.cfg
    try:
        hydra.set_config(config)  # for ${hydra:...}
        values.check_values(config.hydra, missing_ok=True)  # jobs have more
        if not sweeps:  # whose first job is built, with what it may be given alone
            values.check(config)
    finally:
        hydra.cfg = before


def hint_at_sweep(config: DictConfig) -> None:
    """Say that a run alone leaves out what its configuration sweeps over."""
    if params := config.hydra.sweeper.get("params"):
        log.warning(
            "This is one run: only -m sweeps over %s (hydra.sweeper.params), as in\n    %s",
            ", ".join(params),
            _command(["-m", *sys.argv[1:]]),
        )


def check_swept(told: Mapping[str, Override], sweeper: DictConfig) -> None:
    """See that a sweep as a whole can be what it is asked to be.

    Parameters
    ----------
    told
        What is set for the jobs, by key.
    sweeper
        The configuration `hydra.sweeper`.

    Raises
    ------
    UserError
        If it varies what it has one of, or would look for the worst.
    """
    direction = sweeper.get("direction")
    if direction is not None and str(getattr(direction, "name", direction)) != "minimize":
        raise UserError(
            f"hydra.sweeper.direction must be minimize, got {direction}: a run's score is its "
            "cost, or its error rate, of the validation images or the last of training"
        )
    for key, override in told.items():
        whole = key in _OF_THE_WHOLE or key.startswith("tracking.")
        if whole and override.is_discrete_sweep():
            raise UserError(f"{override.input_line}: a sweep takes one {key} for all")


def refuse_late(sweep: DictConfig, job: DictConfig, overrides: Sequence[str]) -> None:
    """See that a job would change nothing that Hydra has read before it composes one.

    Raises
    ------
    UserError
        If it would, as by an experiment with a sweep of its own.
    """
    told = settings(as_given(sweep.hydra.overrides.task))
    for key in _READ_BEFORE:
        if _read(sweep, key, told) != _read(job, key, told):
            raise UserError(
                f"the job {' '.join(overrides)} sets hydra.{key}, too late in a sweep: an option "
                "that sets hydra's sweeper or launcher, such as an experiment with a sweep of its "
                "own, cannot be swept over; give it a command of its own"
            )


def _read(config: DictConfig, key: str, told: Collection[str]) -> Any:
    """Return what Hydra reads, without parameters that the command line sets anyway."""
    read: Any = OmegaConf.to_container(OmegaConf.select(config.hydra, key), resolve=False)
    if params := read.get("params"):
        read["params"] = {name: v for name, v in params.items() if key_of(name) not in told}
    return read


def _command(arguments: list[str]) -> str:
    return redacted(shlex.join([program("python"), "-m", "noise_exp", *arguments]))
