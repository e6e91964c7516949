"""What would do something else than was asked, without a word: refused, or said, at the start."""

import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from noise_exp.errors import UserError
from noise_exp.records import secrets
from noise_exp.redaction import redacted

_OF_THE_WHOLE = ("resume", "dry_run", "score")  # and all of tracking: a sweep has one of each
_TOO_LATE = ("sweeper", "launcher", "sweep", "mode", "callbacks")  # once a sweep has begun

log = logging.getLogger(__name__)


def check(config: DictConfig) -> None:
    """See that a command can do what it asks for.

    Raises
    ------
    UserError
        If it cannot.
    """
    secrets.check(OmegaConf.to_container(config))
    if config.hydra.job.chdir:
        raise UserError(
            "hydra.job.chdir must be false: tracking.uri, data.path and other relative paths "
            "are meant from the folder where you start; what a run writes lies in its own all "
            "the same"
        )
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if str(folder := OmegaConf.select(config, key)).startswith("~"):
            raise UserError(f"{key}={folder}: nothing replaces the ~ here; write {key}=$HOME/...")


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
    return [a for a in sys.argv[1:] if a.lstrip("+").partition("=")[0] != key]


def _command(arguments: list[str]) -> str:
    return redacted(shlex.join(["python", "-m", "noise_exp", *arguments]))
