"""The laws, centred and scaled: they tie."""

import numpy as np

from noise_exp.report.intervals import Interval
from noise_exp.training.costs import CrossEntropy
from noise_exp.training.data import Embedded
from noise_exp.training.estimators import NodePerturbation
from noise_exp.training.loop import Schedule
from noise_exp.training.noise import Repair
from noise_exp.training.optimizers import Adam
from noise_exp.training.trial import Trial
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture
from studies.theory.setting import FINITE_LAWS, law_of, streams_of

_MARGIN = 0.02  # of the error rate: a smaller difference counts as none
_TEST = 5000  # images, as many as are left for training


def _error(law: str, seed: int) -> float:
    """Train on ten digits with standardized noise on the units; return the test error rate."""
    streams = streams_of(seed)
    trial = Trial(
        Embedded(list(range(10)), _TEST, 255.0).split(streams.permutation),
        law_of(law), streams,
        estimator=NodePerturbation(0.01), optimizer=Adam(0.01, 0.9, 0.999, True),
        repair=Repair.standardize, hidden=[32], init_scale=0.1, cost=CrossEntropy(),
        schedule=Schedule(epochs=4, batch_size=100),
    )  # fmt: skip
    for _ in trial.train():
        pass
    return trial.test().error_rate


def _laws(effort: Effort) -> Outcome:
    seeds = effort.size(16, 12)
    names = [*FINITE_LAWS, "pareto", "zipf"]
    rates = np.array([[_error(law, effort.seed * seeds + i) for i in range(seeds)]
                      for law in names])  # fmt: skip
    laws, family = len(FINITE_LAWS), len(names) + 1
    others = (rates[:laws].sum(axis=0) - rates) / (laws - 1)
    others[laws:] = rates[:laws].mean(axis=0)
    apart = [intervals.mean(row, family) for row in rates - others]
    worst = max(apart[:laws], key=lambda gap: max(abs(gap.low), abs(gap.high)))
    widest = Interval(
        abs(worst.value), max(0.0, worst.low, -worst.high), max(abs(worst.low), abs(worst.high))
    )
    floor = rates[names.index("normal")] - rates[names.index("standard_normal")]
    return Outcome(
        [
            Check("largest difference of one of the eleven laws to the others, standardized",
                  _MARGIN, widest, "<"),
            Check("normal - standard_normal, one law by two names: the noise floor", 0.0,
                  intervals.mean(floor, family)),
            Check("pareto, standardized, to the eleven", _MARGIN, apart[laws], ">"),
            Check("zipf, standardized, to the eleven", _MARGIN, apart[laws + 1], ">"),
        ],
        Picture(
            "Centred and scaled, the laws with moments tie", "",
            "error rate - the eleven's",
            [Curve("equivalent within", [-0.5, len(names) - 0.5], [_MARGIN] * 2, rival=True),
             Curve("", [-0.5, len(names) - 0.5], [-_MARGIN] * 2, rival=True)],
            [intervals.points(f"ten digits, {seeds} seeds", range(len(names)), apart)],
            names=names,
        ),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "laws",
        "Centred and scaled, the eleven laws with finite moments are equivalent; the two without "
        "are not.",
        "only E[xi^4] is left of the law: U |delta|^2 + (E[xi^4] - 2) |delta_l|^2",
        _laws,
    )
]
