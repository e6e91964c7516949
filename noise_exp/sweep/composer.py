"""Configurations of a sweep's jobs, each composed once, and once for all that differ in numbers."""

import copy
from collections.abc import Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noise_exp.records import secrets

_MOST = 500  # configurations that are kept, some 0.1 MB each


class Composer:
    """Hydra's loader of configurations, which remembers what it has composed for a sweep.

    Hydra composes each job from the files anew, before the sweep and again when the job starts,
    which takes longer than to train a small network. A seed or a learning rate chooses no file:
    where nothing but such numbers differs from a job before, they are set in a copy of its
    configuration. What cannot be set is left to Hydra, and its words.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._composed: dict[tuple[str, ...], DictConfig] = {}

    def __getattr__(self, name: str) -> Any:
        """Be Hydra's loader in all else."""
        return getattr(self._loader, name)

    def __reduce__(self) -> tuple[type["Composer"], tuple[ConfigLoader]]:
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
        composed = self._composed.get(kept)
        if composed is None:
            composed = self._loader.load_sweep_config(master_config, texts)
            secrets.check(OmegaConf.to_container(composed))  # before Hydra writes it into files
            if len(self._composed) < _MOST:
                self._composed[kept] = composed
        config = copy.deepcopy(composed)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)  # the time, as Hydra does
        try:
            for key, value in numbers.items():
                OmegaConf.update(config, key, value)
        except OmegaConfBaseException:
            return self._loader.load_sweep_config(master_config, texts)
        _note(config, [o for o in overrides if not o.is_hydra_override()])
        return config


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


def _note(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Note in a configuration what was set, as Hydra does."""
    config.hydra.overrides.task = [override.input_line for override in overrides]
    name, job = config.hydra.job.config.override_dirname, config.hydra.job
    left_out = list(name.exclude_keys)
    lines = sorted(str(o.input_line) for o in overrides if o.key_or_group not in left_out)
    job.override_dirname = name.item_sep.join(lines).replace("=", name.kv_sep)
