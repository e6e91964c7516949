"""What would do something else than was asked, without a word: refused, or said, at the start."""

import logging
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from noise_exp.errors import UserError
from noise_exp.records import secrets
from noise_exp.records.record import key_of
from noise_exp.redaction import redacted
from noise_exp.run import values
from noise_exp.run.context import as_given
from noise_exp.run.typed import keep_text
from noise_exp.terminal import program

# Read as Python or a library starts, or by what launches the jobs.
_AT_START = re.compile("MLFLOW_|HYDRA_|PYTHON|LD_|OMP_|OPENBLAS_|MKL_|NPY_|MPL")
_OF_THE_WHOLE = ("resume", "dry_run", "score")  # and all of tracking: a sweep has one of each
_TOO_LATE = ("sweeper", "launcher", "sweep", "mode", "callbacks")  # once a sweep has begun

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
        values.check(config, of_jobs=sweeps)
        values.check_values(config.hydra)
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


def check_swept(
    told: Mapping[str, Override], values: Mapping[str, Sequence[str]], sweeper: DictConfig
) -> None:
    """See that each job of a sweep can be what it is asked to be.

    Parameters
    ----------
    told
        What is set for the jobs, by key.
    values
        The values that each key gets.
    sweeper
        The configuration `hydra.sweeper`.

    Raises
    ------
    UserError
        If a job would not, or a search would look for the worst.
    """
    direction = sweeper.get("direction")
    if direction is not None and str(getattr(direction, "name", direction)) != "minimize":
        raise UserError(
            f"hydra.sweeper.direction must be minimize, got {direction}: a run's score is its "
            "cost, or its error rate, of the validation images or the last of training"
        )
    for key, override in told.items():
        if not override.is_discrete_sweep():
            continue
        if key in _OF_THE_WHOLE or key.startswith("tracking."):
            raise UserError(f"{override.input_line}: a sweep takes one {key} for all")
        if _come_too_late(key, values[key]):
            ways = " ; ".join(_command([*_without(key), f"{key}={v}"]) for v in values[key])
            raise UserError(
                f"{override.input_line}: an option that sets hydra's sweeper or launcher, such as "
                f"an experiment with a sweep of its own, cannot be swept over; run {ways}"
            )


def _come_too_late(group: str, options: Sequence[str]) -> bool:
    """Whether an option sets what Hydra reads before it composes a job with that option."""
    loader: Any = GlobalHydra.instance().config_loader()
    repository = loader.repository
    if not repository.group_exists(group):
        return False
    return any(_sets_the_sweep(repository, f"{group}/{option}") for option in options)


def _sets_the_sweep(repository: Any, option: str) -> bool:
    found = repository.load_config(option)
    if found is None:
        return False
    chosen = {
        str(getattr(default, "group", "")).lstrip("/") for default in found.defaults_list or ()
    }
    sets = {f"hydra/{key}" for key in OmegaConf.select(found.config, "hydra") or ()}
    return any(f"hydra/{key}" in chosen | sets for key in _TOO_LATE)


def _without(key: str) -> list[str]:
    return [a for a in sys.argv[1:] if key_of(a) != key]


def _command(arguments: list[str]) -> str:
    return redacted(shlex.join([program("python"), "-m", "noise_exp", *arguments]))
