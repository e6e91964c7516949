"""The laws, centred and scaled: they tie."""

import numpy as np

from noise_exp.figures.theory import Curve, Picture
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.setting import FINITE_LAWS, noise_of
from noise_exp.training.costs import CrossEntropy
from noise_exp.training.data import Embedded
from noise_exp.training.estimators import NodePerturbation
from noise_exp.training.loop import Schedule, train
from noise_exp.training.network import Network
from noise_exp.training.noise import Repair
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Adam
from noise_exp.training.streams import IndependentStreams

_MARGIN = 0.02  # of the error rate: a smaller difference counts as none
_HIDDEN, _BATCH, _EPOCHS, _TEST = 32, 100, 4, 2000


def _error(law: str, seed: int) -> float:
    """Train on ten digits with standardized noise on the units; return the test error rate."""
    streams = IndependentStreams(seed, seed, seed)
    split = Embedded(list(range(10)), _TEST, 255.0).split(streams.permutation, np.float32)
    live = split.train_images.any(axis=0)
    network = Network((int(live.sum()), _HIDDEN, 10), np.float32)
    parameters = streams.initial_parameters(network, 0.1)
    size = 5000
    objective = Objective(
        network, split.train_images[:size, live], split.train_labels[:size], cost=CrossEntropy()
    )
    for _ in train(
        objective, NodePerturbation(0.01, Repair.standardize), Adam(0.01, 0.9, 0.999, True),
        noise_of(law, seed, network, Repair.standardize), parameters,
        Schedule(_EPOCHS, batch_size=_BATCH), streams,
    ):  # fmt: skip
        pass
    test = Objective(network, split.test_images[:, live], split.test_labels, cost=CrossEntropy())
    return test.evaluate(parameters).error_rate


def _laws(effort: Effort) -> Found:
    seeds = effort.size(16, 12)
    names = [*FINITE_LAWS, "pareto", "zipf"]
    rates = np.array([[_error(law, effort.seed * seeds + i) for i in range(seeds)]
                      for law in names])  # fmt: skip
    laws, family = len(FINITE_LAWS), len(names) + 1
    others = (rates[:laws].sum(axis=0) - rates) / (laws - 1)
    others[laws:] = rates[:laws].mean(axis=0)
    apart = [intervals.mean(row, family) for row in rates - others]
    worst = max(apart[:laws], key=lambda f: max(abs(f.low), abs(f.high)))
    widest = intervals.Interval(
        abs(worst.value), max(0.0, worst.low, -worst.high), max(abs(worst.low), abs(worst.high))
    )
    floor = (
        rates[list(FINITE_LAWS).index("normal")] - rates[list(FINITE_LAWS).index("standard_normal")]
    )
    return Found(
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
