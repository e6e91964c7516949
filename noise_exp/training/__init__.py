"""NumPy alone: what trains one network, usable from a notebook.

A distribution's noise becomes a direction (estimator), a direction becomes a step (optimizer); a
trial puts them together with images, a network and random streams. Estimators and optimizers are
found where they are defined, and had from here by their names.
"""

from typing import Any

from noise_exp.training import estimators, optimizers
from noise_exp.training.article import ArticleStream
from noise_exp.training.baselines import pixel_sum_errors
from noise_exp.training.data import Embedded, Split, Xor
from noise_exp.training.found import classes_of
from noise_exp.training.loop import EpochRecord, Schedule
from noise_exp.training.network import CrossEntropy, Network, SquaredError
from noise_exp.training.noise import (
    ARTICLE_DISTRIBUTIONS,
    Distribution,
    DistributionLike,
    NoiseTransform,
    QuantileDistribution,
)
from noise_exp.training.objective import Objective
from noise_exp.training.own_images import Csv, Folder, Idx, Npz, OpenML
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.trained import Trained
from noise_exp.training.trial import Tested, Trial

ESTIMATORS = classes_of(estimators.__name__, estimators.Estimator)
OPTIMIZERS = classes_of(optimizers.__name__, optimizers.Optimizer)

__all__ = [
    "ARTICLE_DISTRIBUTIONS",
    "ArticleStream",
    "CrossEntropy",
    "Csv",
    "Distribution",
    "DistributionLike",
    "Embedded",
    "EpochRecord",
    "Folder",
    "Idx",
    "IndependentStreams",
    "Network",
    "NoiseTransform",
    "Npz",
    "Objective",
    "OpenML",
    "QuantileDistribution",
    "Schedule",
    "Split",
    "SquaredError",
    "Tested",
    "Trained",
    "Trial",
    "Xor",
    "pixel_sum_errors",
]  # fmt: skip
__all__ += sorted([*ESTIMATORS, *OPTIMIZERS])


def __getattr__(name: str) -> Any:
    """Return an estimator or an optimizer, by the name of its class."""
    if found := ESTIMATORS.get(name) or OPTIMIZERS.get(name):
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
