"""Steps that are tried before they are taken."""

import math

import numpy as np

from noise_exp.training.objective import Evaluation
from noise_exp.training.optimizers.protocol import Moment
from noise_exp.training.workers import chunks


def measured(parameters: np.ndarray, moment: Moment) -> Evaluation:
    """Return the measure at `parameters`, taken now if the estimator took it around them."""
    evaluation = moment.evaluation
    return evaluation if evaluation.exact else moment.objective.evaluate(parameters)


def try_step(
    parameters: np.ndarray, direction: np.ndarray, length: float, moment: Moment
) -> Evaluation:
    """Overwrite the direction by parameters a step of root mean square `length` away; measure."""

    def energy(chunk: slice) -> float:
        return float(np.vdot(direction[chunk], direction[chunk]))

    parts = moment.objective.workers.map(energy, chunks(len(direction)))
    spread = math.sqrt(sum(parts) / len(direction))
    if spread > 0 and math.isfinite(spread):
        direction *= length / spread
    direction += parameters
    return moment.objective.evaluate(direction)


def improves(there: Evaluation, here: Evaluation) -> bool:
    """Whether to prefer `there`; a cost that is not a number is worse than any."""
    return there.cost <= here.cost or (math.isnan(here.cost) and not math.isnan(there.cost))
