"""Whether a configuration is whole: all keys there, and all values to be had."""

from typing import Any

from omegaconf import Container, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationToMissingValueError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from noise_exp.errors import UserError
from noise_exp.run.config import Config, NetworkConfig, SeedsConfig, TrackingConfig
from noise_exp.run.config_errors import about_key, no_such_key
from noise_exp.run.typed import require_text

_MISSING = MissingMandatoryValue, InterpolationToMissingValueError
_SCHEMA: dict[str, Any] = {
    "": Config,
    "seeds": SeedsConfig,
    "network": NetworkConfig,
    "tracking": TrackingConfig,
}
# What is checked by itself, and what was typed, which is checked as what it sets.
_APART = "hydra", "overrides", "override_dirname"


def check(cfg: DictConfig) -> None:
    """See that a configuration has all keys of `Config` and no others, and that all have values.

    Parameters
    ----------
    cfg
        It may hold `hydra`, which is passed over.

    Raises
    ------
    UserError
        If a key was taken out or added, or a value cannot be had or is of the wrong kind.
    """
    for group, cls in _SCHEMA.items():
        keys, known = [*(cfg.get(group, ()) if group else cfg)], [*cls.__dataclass_fields__]
        for key in known:
            if key not in keys:
                raise UserError(f"{key} cannot be left out: write {key}=... instead of ~{key}")
        for key in keys:
            if key not in known and key != "hydra":
                name = f"{group}.{key}".lstrip(".")
                raise UserError(f"{name}: {no_such_key(name, OmegaConf.structured(Config))}")
    check_values(cfg)
    require_text(cfg.tracking, ("uri", "experiment"), "tracking")


def check_values(node: Container, *, missing_ok: bool = False) -> None:
    """See that all values below a node can be had.

    Raises
    ------
    UserError
        If one cannot.
    """
    try:
        OmegaConf.to_container(node, resolve=True, throw_on_missing=not missing_ok)
    except OmegaConfBaseException:
        _find_bad_value(node, missing_ok)


def _find_bad_value(node: Container, missing_ok: bool) -> None:
    groups = []  # last: what they take from a key beside them is a fault of that key
    for key in range(len(node)) if isinstance(node, ListConfig) else node:
        try:
            value = None if key in _APART else node[key]
        except OmegaConfBaseException as error:
            if not (missing_ok and isinstance(error, _MISSING)):
                raise UserError(about_key(error)) from None
        else:
            groups += [value] if isinstance(value, Container) else []
    for group in groups:
        _find_bad_value(group, missing_ok)
