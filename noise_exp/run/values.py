"""Whether a configuration is whole: all keys there, and all values to be had."""

from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from noise_exp.errors import UserError
from noise_exp.run.config import Config, NetworkConfig, SeedsConfig, TrackingConfig
from noise_exp.run.config_errors import about_key, no_such_key
from noise_exp.run.typed import require_text

_MISSING = (MissingMandatoryValue, InterpolationToMissingValueError)
_SCHEMA: dict[str, Any] = {
    "": Config,
    "seeds": SeedsConfig,
    "network": NetworkConfig,
    "tracking": TrackingConfig,
}
# What is checked by itself, and what was typed, which is checked as what it sets.
_APART = ("hydra", "overrides")


def check(cfg: DictConfig, *, of_jobs: bool = False) -> None:
    """See that a configuration has all keys of `Config` and no others, and that all have values.

    Parameters
    ----------
    cfg
        It may hold `hydra`, which is passed over.
    of_jobs
        Whether it is a sweep's, whose jobs may still be given what has no value here.

    Raises
    ------
    UserError
        If a key was taken out or added, or a value cannot be had or is of the wrong kind.
    """
    given: Any = OmegaConf.to_container(cfg, resolve=False)
    given.pop("hydra", None)
    for group, cls in _SCHEMA.items():
        keys, known = given.get(group, {}) if group else given, cls.__dataclass_fields__
        if missing := [key for key in known if key not in keys]:
            key = missing[0]
            raise UserError(f"{key} cannot be left out: write {key}=... instead of ~{key}")
        if others := [key for key in keys if key not in known]:
            key = f"{group}.{others[0]}" if group else others[0]
            raise UserError(f"{key}: {no_such_key(key, group, {k: keys[k] for k in known})}")
    check_values(cfg, missing_ok=of_jobs)
    require_text(cfg.tracking, ("uri", "experiment"), "tracking")


def check_values(node: Any, *, missing_ok: bool = True) -> None:
    """See that all values below a node can be had; Hydra fills in some of its own in each job.

    Raises
    ------
    UserError
        If one cannot.
    """
    raw: Any = OmegaConf.to_container(node, resolve=False)
    keys = [key for key in raw if key not in _APART] if isinstance(raw, dict) else range(len(raw))
    # Groups last: what they take from a key beside them is a fault of that key.
    for key in sorted(keys, key=lambda key: isinstance(raw[key], dict | list)):
        try:
            value = node[key]
            if isinstance(raw[key], dict | list):
                OmegaConf.to_container(value, resolve=True, throw_on_missing=not missing_ok)
        except OmegaConfBaseException as error:
            if isinstance(raw[key], dict | list):
                check_values(value, missing_ok=missing_ok)
            elif not (missing_ok and isinstance(error, _MISSING)):
                raise UserError(about_key(error)) from None
