"""Configurations of a sweep's jobs, composed once for all jobs that differ in numbers alone."""

import copy
from collections.abc import Sequence
from typing import Any

from hydra._internal.config_loader_impl import get_overrides_dirname
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


class Composer:
    """Hydra's loader of configurations, with a shorter way to that of a sweep's next job.

    Hydra composes each job from the files anew, before the sweep and again when the job starts,
    which takes longer than to train a small network. A seed or a learning rate chooses no file:
    where nothing but such numbers differs from a job before, its configuration is copied and the
    numbers are set. What comes out is the same; what cannot be set is left to Hydra, and its words.

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
        """
        texts = list(sweep_overrides)
        overrides = OverridesParser.create().parse_overrides(texts)
        numbers = {o.key_or_group: o.value() for o in overrides if _sets_a_number(o)}
        # A dictionary may set a number too, and which of both counts is Hydra's to say.
        if numbers and not any(isinstance(o.value(), dict) for o in overrides):
            kept = tuple(
                o.key_or_group if _sets_a_number(o) else str(o.input_line) for o in overrides
            )
            if kept not in self._composed:
                self._composed[kept] = self._loader.load_sweep_config(master_config, texts)
            config = copy.deepcopy(self._composed[kept])
            try:
                _set(config, numbers, overrides)
            except OmegaConfBaseException:
                pass
            else:
                return config
        composed: DictConfig = self._loader.load_sweep_config(master_config, texts)
        return composed


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
