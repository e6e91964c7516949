"""The article's headline: how often Gumbel noise gets 2 or fewer of 20 wrong."""

import numpy as np

from noise_exp.training import article
from noise_exp.training.baselines import ink_errors
from noise_exp.training.data import Embedded
from noise_exp.training.loop import Schedule
from noise_exp.training.optimizers import Vanilla
from noise_exp.training.trial import Trial
from studies.theory import intervals
from studies.theory.claims import Check, Claim, Effort, Outcome
from studies.theory.figures import Curve, Picture, Sample
from studies.theory.setting import law_of, streams_of

_LEAPS = 6  # what stands for the 96 steps after the drop, 16 times as long


def _wrong(seed: int, whole: bool) -> tuple[int, int, int]:
    """Return the test images of 20 that are wrong: untrained, trained, by an ink counter."""
    streams = streams_of(seed)
    split = Embedded().split(streams.permutation)
    rest = article.EPOCHS - article.DROP_EPOCH
    steps = rest if whole else _LEAPS
    trial = Trial(
        split, law_of("gumbel"), streams,
        optimizer=Vanilla(dropped_lr=article.DROPPED_LR * rest / steps),
        schedule=Schedule(article.DROP_EPOCH + steps), threads=2,
    )  # fmt: skip
    untrained = trial.test().errors
    for _ in trial.train():
        pass
    return untrained, trial.test().errors, ink_errors(split)


def _luck(effort: Effort) -> Outcome:
    seeds, whole = effort.size(100, 30), effort.size(3, 0)
    first = effort.seed * seeds
    untrained, trained, ink = np.array([_wrong(first + i, False) for i in range(seeds)]).T
    all_steps = [_wrong(first + i, True)[1] for i in range(whole)]
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
                  intervals.exact(float(np.max(np.abs(all_steps - trained[:whole]))), 0),
                  "<")
        )  # fmt: skip
    bins = (np.arange(22) - 0.5).tolist()
    return Outcome(
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
