"""One step: what it changes of the cost, on average over the noise."""

import numpy as np

from noise_exp.figures.theory import Curve, Picture, Points
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import (
    FINITE_LAWS,
    SIGNAL,
    cost_gradient,
    hessian_along,
    hessian_diagonal,
    initial,
    network_for,
    noise_of,
    signals,
    zeros_and_ones,
)
from noise_exp.training.estimators import CostScaled
from noise_exp.training.noise import Repair

_DESCENT, _DESCENT_LR = 100, 0.3  # to a point where drift does not hide the curvature
_LR = 0.0003  # small enough for three terms of Taylor's series, large enough for float64


def _step(effort: Effort) -> Found:
    images = zeros_and_ones(255.0).take(60)
    network = network_for(images, 8, 8)
    objective, parameters = images.objective(network), initial(network, effort.seed)
    for _ in range(_DESCENT):
        parameters -= _DESCENT_LR * cost_gradient(objective, parameters)[1]
    cost, gradient = cost_gradient(objective, parameters)
    steps = _LR * cost * signals(network)  # the diagonal of S
    first = float(steps @ gradient)
    trace = float(np.square(steps) @ hessian_diagonal(objective, parameters))
    mean_curvature = float(steps @ hessian_along(objective, parameters, steps))
    estimator, direction = CostScaled(SIGNAL, Repair.none), np.empty_like(parameters)
    draws = effort.size(1500, 600)
    predicted, rivals, found = [], [], []
    for name, law in FINITE_LAWS.items():
        noise, mean = noise_of(name, effort.seed, network), float(law.mean())
        # A control variate of mean zero: the noise without its mean, along the slope ahead.
        slope = cost_gradient(objective, parameters + mean * steps)[1]
        changes = np.empty(draws)
        for i in range(draws):
            estimator.estimate(objective, parameters, noise, None, direction)
            change = objective.evaluate(parameters + _LR * direction).cost - cost
            changes[i] = change - float(slope @ (_LR * direction - mean * steps))
        predicted.append((law.var() * trace + mean**2 * mean_curvature) / 2)
        rivals.append(law.var() * trace / 2)
        found.append(intervals.mean((changes - mean * first) / trace, len(FINITE_LAWS) + 2))
    units = np.array(predicted) / trace
    names = list(FINITE_LAWS)
    agree = sum(f.low <= p <= f.high for p, f in zip(units, found, strict=True))
    gumbel, normal = names.index("gumbel"), names.index("normal")
    return Found(
        [
            Check(
                "gumbel: mean change of the cost beyond mu 1'Sg, divided by tr(SHS)",
                units[gumbel],
                found[gumbel],
                rival=rivals[gumbel] / trace,
            ),
            Check(
                "normal: mean change of the cost, divided by tr(SHS)",
                units[normal],
                found[normal],
                rival=0.0,
            ),
            Check(
                "of the eleven laws with finite moments, those that agree",
                len(names),
                intervals.exact(agree, 0),
            ),
        ],
        Picture(
            "What a step adds to the cost, as predicted",
            "",
            "measured / predicted",
            [Curve("predicted", [-0.5, len(names) - 0.5], [1.0, 1.0])],
            [
                Points(
                    "measured",
                    range(len(names)),
                    [f.value / u for f, u in zip(found, units, strict=True)],
                    [f.low / u for f, u in zip(found, units, strict=True)],
                    [f.high / u for f, u in zip(found, units, strict=True)],
                )
            ],
            names=names,
            y_range=(0.9, 1.1),
        ),
    )


CLAIMS = [
    Claim(
        "step",
        "To second order a step changes the cost by the noise's mean along the gradient, and by "
        "its second moment against the curvature.",
        "E[dC] = mu 1'Sg + (sigma^2 tr(SHS) + mu^2 1'SHS1) / 2, S = diag(lr signal C)",
        _step,
    )
]
