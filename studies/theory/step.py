"""One step: what it changes of the cost, on average over the noise."""

from collections.abc import Sequence

import numpy as np

from noise_exp.report.intervals import Interval
from noise_exp.training.estimators import CostScaled
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Points
from studies.theory.setting import (
    FINITE_DISTRIBUTIONS,
    cost_gradient,
    hessian_along,
    hessian_diagonal,
    initial,
    network_for,
    noise_of,
    signals,
    zeros_and_ones,
)

_DESCENT, _DESCENT_LR = 100, 0.3  # to a point where drift does not hide the curvature
_LR = 0.0003  # small enough for three terms of Taylor's series, large enough for float64


class _Place:
    """A network some way down its slope, with the terms of a step's Taylor series.

    Attributes
    ----------
    first
        1'Sg: what a step of ones changes to first order.
    trace, mean_curvature
        tr(SHS) and 1'SHS1.
    """

    def __init__(self, seed: int) -> None:
        images = zeros_and_ones(255.0).take(60)
        self._network = network_for(images, 8, 8)
        self._objective = images.objective(self._network)
        self._parameters = at = initial(self._network, seed)
        for _ in range(_DESCENT):
            at -= _DESCENT_LR * cost_gradient(self._objective, at)[1]
        self._cost, gradient = cost_gradient(self._objective, at)
        self._steps = steps = _LR * self._cost * signals(self._network)  # the diagonal of S
        self.first = float(steps @ gradient)
        self.trace = float(np.square(steps) @ hessian_diagonal(self._objective, at))
        self.mean_curvature = float(steps @ hessian_along(self._objective, at, steps))

    def changes(self, distribution: str, seed: int, draws: int) -> np.ndarray:
        """Return what steps with noise of a distribution change of the cost, (draws,).

        Less a control variate of mean zero: the noise without its mean, along the slope ahead.
        """
        noise, drift = (
            noise_of(distribution, seed, self._network),
            FINITE_DISTRIBUTIONS[distribution].mean() * self._steps,
        )
        slope = cost_gradient(self._objective, self._parameters + drift)[1]
        direction, changes = np.empty_like(self._parameters), np.empty(draws)
        for i in range(draws):
            CostScaled().estimate(self._objective, self._parameters, noise, direction)
            step = _LR * direction
            change = self._objective.evaluate(self._parameters + step).cost - self._cost
            changes[i] = change - float(slope @ (step - drift))
        return changes


def _step(effort: Effort) -> Outcome:
    place, draws = _Place(effort.seed), effort.size(1500, 600)
    names, family = list(FINITE_DISTRIBUTIONS), len(FINITE_DISTRIBUTIONS) + 2
    predicted, measured = {}, {}  # beyond the first order, in units of tr(SHS)
    for name, distribution in FINITE_DISTRIBUTIONS.items():
        drift = float(distribution.mean())
        predicted[name] = (distribution.var() + drift**2 * place.mean_curvature / place.trace) / 2
        changes = place.changes(name, effort.seed, draws)
        measured[name] = intervals.mean((changes - drift * place.first) / place.trace, family)
    agree = sum(measured[name].low <= predicted[name] <= measured[name].high for name in names)
    checks = [
        Check("gumbel: mean change of the cost beyond mu 1'Sg, divided by tr(SHS)",
              predicted["gumbel"], measured["gumbel"],
              rival=FINITE_DISTRIBUTIONS["gumbel"].var() / 2),
        Check("normal: mean change of the cost, divided by tr(SHS)",
              predicted["normal"], measured["normal"], rival=0.0),
        Check("of the eleven distributions with finite moments, those that agree",
              len(names), intervals.exact(agree, 0)),
    ]  # fmt: skip
    return Outcome(checks, _picture(names, list(predicted.values()), list(measured.values())))


def _picture(
    names: Sequence[str], predicted: Sequence[float], measured: Sequence[Interval]
) -> Picture:
    shares = np.array([(m.value, m.low, m.high) for m in measured]) / np.array(predicted)[:, None]
    return Picture(
        "What a step adds to the cost, as predicted", "", "measured / predicted",
        [Curve("predicted", [-0.5, len(names) - 0.5], [1.0, 1.0])],
        [Points("measured", range(len(names)), *shares.T)],
        names=names, y_range=(0.9, 1.1),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "step",
        "To second order a step changes the cost by the noise's mean along the gradient, and by "
        "its second moment against the curvature.",
        "E[dC] = mu 1'Sg + (sigma^2 tr(SHS) + mu^2 1'SHS1) / 2, S = diag(lr signal C)",
        _step,
    )
]
