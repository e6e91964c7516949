"""The typed schema of the configuration; every default is in conf/."""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from noise_exp.training.noise import NoiseTransform

_PACKAGE = Path(__file__).parent.parent
# A wheel carries the folder inside the package; in a checkout it stands beside it.
CONF_DIR = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


class Precision(Enum):
    """Floating-point type of all arithmetic."""

    float32 = "float32"
    float64 = "float64"


class CostName(Enum):
    """What a network is trained to make small."""

    squared_error = "squared_error"
    cross_entropy = "cross_entropy"


class Score(Enum):
    """What Hydra's sweepers make small."""

    cost = "cost"
    error_rate = "error_rate"


class Stream(Enum):
    """Where random numbers come from."""

    independent = "independent"
    article = "article"


@dataclass
class SeedsConfig:
    """One seed per source of randomness."""

    init: int = MISSING
    data: int = MISSING
    noise: int = MISSING
    batches: int = MISSING


@dataclass
class NetworkConfig:
    """Units of the hidden layers, initial parameters' standard deviation, layers not trained."""

    hidden: list[int] = MISSING
    init_scale: float = MISSING
    frozen: list[int] = MISSING


@dataclass
class TrackingConfig:
    """Where runs are logged."""

    enabled: bool = MISSING
    uri: Any = MISSING  # text: as str, OmegaConf would make one of a number that YAML has read
    experiment: Any = MISSING
    patience: float = MISSING
    model: bool = MISSING


@dataclass
class Config:
    """One run.

    The keys of dist, estimator, optimizer and data are those of the class that the option
    names; `noise_exp.job.build` checks them against its annotations.
    """

    dist: dict[str, Any] = field(default_factory=dict)
    estimator: dict[str, Any] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    seeds: SeedsConfig = field(default_factory=SeedsConfig)
    data: dict[str, Any] = field(default_factory=dict)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    seed: int = MISSING
    epochs: int | None = MISSING
    forward_passes: float | None = MISSING
    train_seconds: float | None = MISSING
    batch_size: int | None = MISSING
    noise_transform: NoiseTransform = MISSING
    cost: CostName = MISSING
    score: Score = MISSING
    dtype: Precision = MISSING
    threads: int | None = MISSING
    resume: bool = MISSING
    dry_run: bool = MISSING
    diagnostics: bool = MISSING
    stream: Stream = MISSING
    tracking: TrackingConfig = field(default_factory=TrackingConfig)


ConfigStore.instance().store(name="schema", node=Config)
