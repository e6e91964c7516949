"""The article's headline: how often Gumbel noise gets 2 or fewer of 20 wrong."""

import numpy as np

from noise_exp.figures.theory import Curve, Picture, Sample
from noise_exp.theory import intervals
from noise_exp.theory.claims import Check, Claim, Effort, Found
from noise_exp.theory.ink import ink_counter
from noise_exp.theory.setting import (
    DROP_EPOCH,
    DROPPED_LR,
    EPOCHS,
    INIT_SCALE,
    LR,
    SIGNAL,
    Images,
)
from noise_exp.training.data import Embedded, live_pixels
from noise_exp.training.estimators import CostScaled
from noise_exp.training.loop import Schedule, train
from noise_exp.training.network import Network
from noise_exp.training.noise import ARTICLE_LAWS, Law, Repair
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import Vanilla
from noise_exp.training.streams import IndependentStreams
from noise_exp.training.workers import Workers

_HIDDEN = (840, 1024)
_LEAPS = 6  # what stands for the 96 steps after the drop, 16 times as long


def _wrong(seed: int, workers: Workers, whole: bool) -> tuple[float, float, float]:
    """Return the test images of 20 that are wrong: untrained, trained, by an ink counter."""
    streams = IndependentStreams(seed, seed, seed)
    split = Embedded([0, 1], 20, 1.0).split(streams.permutation, np.float32)
    live = live_pixels(split)
    # As a run draws them: for all pixels, of which the dead ones are then left out.
    drawn = Network((len(live), *_HIDDEN, 1), np.float32)
    kept = drawn.parameters_of_inputs(live)
    parameters = streams.initial_parameters(drawn, INIT_SCALE)[kept]
    network = Network((int(live.sum()), *_HIDDEN, 1), np.float32)
    shown = split.train_images[:, live]
    test = Objective(network, split.test_images[:, live], split.test_labels)
    untrained = 20 * test.evaluate(parameters).error_rate
    rest = EPOCHS - DROP_EPOCH
    epochs, dropped = (EPOCHS, DROPPED_LR) if whole else (
        DROP_EPOCH + _LEAPS, DROPPED_LR * rest / _LEAPS
    )  # fmt: skip
    for _ in train(
        Objective(network, shown, split.train_labels, workers),
        CostScaled(SIGNAL, Repair.none), Vanilla(LR, DROP_EPOCH, dropped),
        streams.noise(Law("gumbel", **ARTICLE_LAWS["gumbel"]), network, workers),
        parameters, Schedule(epochs), streams,
    ):  # fmt: skip
        pass
    trained = 20 * test.evaluate(parameters).error_rate
    counter = Network((int(live.sum()), 1), np.float32)
    by_ink = np.empty(counter.n_parameters, np.float32)
    by_ink[:-1], by_ink[-1] = ink_counter(Images(shown, split.train_labels))
    ink = Objective(counter, split.test_images[:, live], split.test_labels)
    return untrained, trained, 20 * ink.evaluate(by_ink).error_rate


def _luck(effort: Effort) -> Found:
    seeds, workers = effort.size(100, 30), Workers(2)
    whole = effort.size(3, 0)
    found = np.array([_wrong(effort.seed * seeds + i, workers, False) for i in range(seeds)])
    untrained, trained, ink = np.rint(found).T
    all_steps = [_wrong(effort.seed * seeds + i, workers, True)[1] for i in range(whole)]
    lucky, good, counted = (int(np.sum(wrong <= 2)) for wrong in (trained, untrained, ink))
    checks = [
        Check("gumbel: share of seeds with at most 2 of 20 wrong", 0.5,
              intervals.share(lucky, seeds, 3), "<"),
        Check("an untrained network: the same", 0.5, intervals.share(good, seeds, 3), "<"),
        Check("an ink counter: the same", 0.5, intervals.share(counted, seeds, 3), ">"),
    ]  # fmt: skip
    if whole:
        checks.append(
            Check(f"{whole} seeds with all 100 epochs: largest change of the number wrong", 1.5,
                  intervals.exact(float(np.max(np.abs(np.rint(all_steps) - trained[:whole]))), 0),
                  "<")
        )  # fmt: skip
    bins = (np.arange(22) - 0.5).tolist()
    return Found(
        checks,
        Picture(
            "Test images wrong of 20: the article's 2 is luck", "wrong of 20", "share of seeds",
            samples=[Sample("gumbel, trained", trained, bins), Sample("untrained", untrained, bins),
                     Sample("ink counter", ink, bins)],
            curves=[Curve("the article's gumbel", [2, 2], [0, 0.45], rival=True)],
        ),
    )  # fmt: skip


CLAIMS = [
    Claim(
        "luck",
        "The article's 2 of 20 is luck: most seeds of Gumbel noise do worse, while a network that "
        "only counts ink does as well most of the time.",
        "P(at most 2 of 20 wrong) < 1/2 by training, > 1/2 by counting ink",
        _luck,
    )
]
