"""Noise on the units against back propagation: seconds per forward pass that is counted."""

from collections.abc import Mapping, Sequence
from functools import cache
from statistics import median

from noise_exp.training import (
    ARTICLE_DISTRIBUTIONS,
    Adam,
    CrossEntropy,
    Distribution,
    Embedded,
    IndependentStreams,
    LearnedFeedback,
    NodePerturbation,
    NoiseTransform,
    Trial,
    article,
)
from noise_exp.training.estimators import Estimator
from noise_exp.training.loop import Schedule
from noise_exp.writing import markdown
from studies.benchmarks import turns

_BACKPROP = "backprop"
CONTENDERS: Mapping[str, Estimator | None] = {
    _BACKPROP: None,
    "learned_feedback": LearnedFeedback(scale=0.03, rate=0.28),
    "node_perturbation": NodePerturbation(scale=0.03),
}
PROBLEMS = {"zeros and ones": [0, 1], "ten digits": list(range(10))}
_BATCH = 512
_TEST_IMAGES = 100
_EPOCHS = 2  # in a turn


def feedback(threads: int, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Return seconds per forward pass by contender and problem, one number per round."""
    cases = [(problem,) for _ in range(rounds) for problem in PROBLEMS]
    seconds: dict[tuple[str, str], list[float]] = {}
    for name, (problem,), spent in turns.take_turns(_seconds, CONTENDERS, cases, threads):
        seconds.setdefault((name, problem), []).append(spent)
    return seconds


@cache
def _records(contender: str, threads: int, problem: str) -> tuple:
    streams = IndependentStreams(article.SEED, article.SEED, article.SEED)
    estimator = CONTENDERS[contender]
    trial = Trial(
        Embedded(PROBLEMS[problem], _TEST_IMAGES, 255.0).split(streams.permutation),
        None if estimator is None else Distribution("normal", **ARTICLE_DISTRIBUTIONS["normal"]),
        streams,
        estimator=estimator,
        noise_transform=NoiseTransform.sign,
        optimizer=Adam(0.004, beta1=0.9, beta2=0.999, decay=False),
        init_scale=0.083,
        cost=CrossEntropy(),
        schedule=Schedule(batch_size=_BATCH),
        threads=threads,
    )
    records = trial.train()
    next(records)
    return records, next(records).forward_passes / 2


def _seconds(contender: str, threads: int, problem: str) -> float:
    """Train in the contender's own process; return the seconds of a forward pass."""
    records, passes = _records(contender, threads, problem)
    turns.settle()

    def epochs(n: int) -> None:
        for _ in range(n):
            next(records)

    return turns.time_undisturbed(lambda: epochs(_EPOCHS), lambda: epochs(1)) / (_EPOCHS * passes)


def table(seconds: Mapping[tuple[str, str], Sequence[float]]) -> str:
    """Return milliseconds per pass, median (lowest to highest), and their ratios in Markdown."""
    rows = [
        [
            problem,
            name,
            f"{1e3 * median(spent):.2f} ({1e3 * min(spent):.2f}-{1e3 * max(spent):.2f})",
            f"{ratio(seconds, name, problem):.2f}",
        ]
        for (name, problem), spent in sorted(seconds.items(), key=lambda kv: kv[0][1], reverse=True)
    ]
    return markdown(("images", "method", "ms per forward pass", f"/ {_BACKPROP}"), rows)


def ratio(seconds: Mapping[tuple[str, str], Sequence[float]], name: str, problem: str) -> float:
    """Return how many times back propagation's seconds per pass a method takes."""
    return median(seconds[name, problem]) / median(seconds[_BACKPROP, problem])
