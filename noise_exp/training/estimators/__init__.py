"""Estimators turn noise into a direction in which to move the parameters.

One file for each place the noise can go: onto the weights or onto the units. Directions that
estimate the negative gradient of the loss E (`noise_exp.training.costs`) do so up to the noise's
second moment, which is 1 for a standard normal law.
"""

from noise_exp.training.estimators.article import CostScaled, ExactGradient
from noise_exp.training.estimators.feedback import FeedbackAlignment, LearnedFeedback
from noise_exp.training.estimators.low_rank import Images, LowRankES
from noise_exp.training.estimators.protocol import Estimating, Estimator
from noise_exp.training.estimators.units import NodePerturbation, Outputs, UnitForwardGradient
from noise_exp.training.estimators.weights import EvolutionStrategy, ForwardGradient, Spsa

__all__ = [
    "CostScaled",
    "Estimating",
    "Estimator",
    "EvolutionStrategy",
    "ExactGradient",
    "FeedbackAlignment",
    "ForwardGradient",
    "Images",
    "LearnedFeedback",
    "LowRankES",
    "NodePerturbation",
    "Outputs",
    "Spsa",
    "UnitForwardGradient",
]
