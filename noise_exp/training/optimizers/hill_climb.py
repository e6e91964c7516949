"""A step is kept if it does not raise the cost."""

import math
from dataclasses import dataclass

import numpy as np

from noise_exp.training.objective import Evaluation
from noise_exp.training.optimizers import (
    Optimizer,
    StepContext,
    improves,
    measured,
    require_range,
    try_step,
)


@dataclass(frozen=True)
class HillClimb(Optimizer):
    r"""A (1+1) evolution strategy: a step is kept if it does not raise the cost.

    .. math:: w \leftarrow w + s \, d / \mathrm{rms}(d) \quad \text{if} \quad
        C(w + s \, d / \mathrm{rms}(d)) \le C(w)

    The step's length follows the one-fifth success rule (Rechenberg 1973) in the form of Kern et
    al., *Learning probability distributions in continuous evolutionary algorithms* (2004): times
    a after a success, divided by a^(1/4) after a failure, so that it stands still when one trial
    in five succeeds. The direction gives the step its shape, not its length.

    Attributes
    ----------
    scale
        s: length of the first trial: root mean square change of a parameter.
    adaptation
        The factor a, above 1.
    """

    scale: float
    adaptation: float
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require_range(self, 0, math.inf, "scale")
        require_range(self, 0, 1, "weight_decay")
        if not 1 < self.adaptation < math.inf:
            raise ValueError(f"adaptation must be finite and above 1, got {self.adaptation}")

    def init(self, parameters: np.ndarray) -> "Climber":  # noqa: ARG002 (its scale is given)
        """Return a climber at the foot."""
        return Climber(self, self.scale)


@dataclass
class Climber:
    """The state of `HillClimb`: the length of its next trial."""

    settings: HillClimb
    scale: float

    def step(
        self, parameters: np.ndarray, direction: np.ndarray, context: StepContext
    ) -> Evaluation:
        """Move `parameters` in place or leave them; `direction` is overwritten by the trial."""
        here = measured(parameters, context)
        start = self.settings.decayed(parameters, context)
        there = try_step(start, direction, self.scale, context)
        if improves(there, here):
            np.copyto(parameters, direction)
            self.scale *= self.settings.adaptation
            return there
        self.scale *= self.settings.adaptation**-0.25
        return here
