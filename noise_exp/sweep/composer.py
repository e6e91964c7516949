"""Configurations of a sweep's jobs, each composed once, and once for all that differ in numbers."""

import copy
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.records import secrets

_MOST = 500  # configurations that are kept, some 0.1 MB each


class Composer:
    """Hydra's loader of configurations, with a shorter way to that of a sweep's next job.

    Hydra composes each job from the files anew, before the sweep and again when the job starts,
    which takes longer than to train a small network. What it composed the first time is kept and
    copied. A seed or a learning rate chooses no file: where nothing but such numbers differs from
    a job before, the numbers are set in the copy. What comes out is the same; what cannot be set
    is left to Hydra, and its words.

    Parameters
    ----------
    loader
        Hydra's own.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __getattr__(self, name: str) -> Any:
        """Be Hydra's loader in all else."""
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[type["Composer"], tuple[Any]]:
        """Leave what is composed behind, when a launcher sends this to a job."""
        return Composer, (self._loader,)

    def load_sweep_config(
        self, master_config: DictConfig, sweep_overrides: Sequence[str]
    ) -> DictConfig:
        """Return a job's configuration.

        Raises
        ------
        CompactHydraException
            If its overrides do not fit together.
        UserError
            If it holds a secret.
        """
        texts = list(sweep_overrides)
        overrides = OverridesParser.create().parse_overrides(texts)
        numbers = _numbers(overrides)
        kept = tuple(
            key if (key := o.key_or_group) in numbers else str(o.input_line) for o in overrides
        )
        config = self._copy(kept, master_config, texts)
        try:
            if numbers:
                _set(config, numbers, overrides)
        except OmegaConfBaseException:
            config = self._loader.load_sweep_config(master_config, texts)
        return config

    def _copy(
        self, kept: tuple[str, ...], master_config: DictConfig, texts: list[str]
    ) -> DictConfig:
        """Return a configuration of its own, composed the first time."""
        composed: DictConfig | None = self._composed.get(kept)
        if composed is None:
            composed = self._loader.load_sweep_config(master_config, texts)
            secrets.check(OmegaConf.to_container(composed))  # before Hydra writes it into files
            if len(self._composed) < _MOST:
                self._composed[kept] = composed
        copied = copy.deepcopy(composed)
        OmegaConf.copy_cache(from_config=master_config, to_config=copied)  # the time, as Hydra does
        return copied


def _numbers(overrides: Sequence[Override]) -> dict[str, Any]:
    """Return the numbers that may be set last, by their keys; none where the order may count."""
    keys = [override.key_or_group for override in overrides]
    whole = tuple(f"{o.key_or_group}." for o in overrides if isinstance(o.value(), dict | list))
    numbers = {o.key_or_group: o.value() for o in overrides if _sets_a_number(o)}
    if len(set(keys)) < len(keys) or any(key.startswith(whole) for key in numbers):
        return {}
    return numbers


def _sets_a_number(override: Override) -> bool:
    plain = override.type == OverrideType.CHANGE and override.package is None
    return plain and not override.is_hydra_override() and isinstance(override.value(), int | float)


def _set(config: DictConfig, numbers: dict[str, Any], overrides: Sequence[Override]) -> None:
    """Set numbers, and what Hydra notes of its overrides."""
    for key, value in numbers.items():
        OmegaConf.update(config, key, value, merge=True)
    ours = [override for override in overrides if not override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in ours]
    naming = config.hydra.job.config.override_dirname
    config.hydra.job.override_dirname = get_overrides_dirname(
        ours, naming.exclude_keys, naming.item_sep, naming.kv_sep
    )
