"""NumPy alone: what trains one network, usable from a notebook.

A law's noise becomes a direction (estimator), a direction becomes a step (optimizer); a trial puts
them together with images, a network and random streams.
"""

from noise_exp.training.article_stream import ArticleStream
from noise_exp.training.baselines import ink_errors
from noise_exp.training.costs import CrossEntropy, SquaredError
from noise_exp.training.data import Embedded, Split, Xor
from noise_exp.training.estimators import (
    CostScaled,
    EvolutionStrategy,
    ExactGradient,
    FeedbackAlignment,
    ForwardGradient,
    LearnedFeedback,
    LowRankES,
    NodePerturbation,
    Spsa,
    UnitForwardGradient,
)
from noise_exp.training.loop import EpochRecord, Schedule
from noise_exp.training.network import Network
from noise_exp.training.noise import ARTICLE_LAWS, Distribution, Law, NoiseTransform
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Adam, Annealing, HillClimb, Momentum, Vanilla
from noise_exp.training.own_images import Csv, Folder, Idx, Npz, OpenML
from noise_exp.training.quantile import QuantileLaw
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.trained import Trained
from noise_exp.training.trial import Tested, Trial

__all__ = [
    "ARTICLE_LAWS",
    "Adam",
    "Annealing",
    "ArticleStream",
    "CostScaled",
    "CrossEntropy",
    "Csv",
    "Distribution",
    "Embedded",
    "EpochRecord",
    "EvolutionStrategy",
    "ExactGradient",
    "FeedbackAlignment",
    "Folder",
    "ForwardGradient",
    "HillClimb",
    "Idx",
    "IndependentStreams",
    "Law",
    "LearnedFeedback",
    "LowRankES",
    "Momentum",
    "Network",
    "NodePerturbation",
    "NoiseTransform",
    "Npz",
    "Objective",
    "OpenML",
    "QuantileLaw",
    "Schedule",
    "Split",
    "Spsa",
    "SquaredError",
    "Tested",
    "Trained",
    "Trial",
    "UnitForwardGradient",
    "Vanilla",
    "Xor",
    "ink_errors",
]  # fmt: skip
