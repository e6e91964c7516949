"""Optimizers turn a direction into a step, and know nothing of where it came from."""

from noise_exp.training.optimizers.adam import Adam
from noise_exp.training.optimizers.annealing import Annealing
from noise_exp.training.optimizers.hill_climb import HillClimb
from noise_exp.training.optimizers.momentum import Momentum
from noise_exp.training.optimizers.protocol import Moment, Optimizer, Stepping
from noise_exp.training.optimizers.vanilla import Vanilla

__all__ = [
    "Adam",
    "Annealing",
    "HillClimb",
    "Moment",
    "Momentum",
    "Optimizer",
    "Stepping",
    "Vanilla",
]
