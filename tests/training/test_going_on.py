"""A trial goes on: trained again, copied, in a forked process, measured or left in between."""

import copy
import multiprocessing
import pickle
import threading

import numpy as np
import pytest
from support import PATIENCE, needs_linux

from noise_exp.training import (
    Adam,
    Annealing,
    ArticleStream,
    CostScaled,
    Distribution,
    Embedded,
    FeedbackAlignment,
    HillClimb,
    IndependentStreams,
    LearnedFeedback,
    NoiseTransform,
    QuantileDistribution,
    Schedule,
    Trial,
    Vanilla,
)
from noise_exp.training.estimators import Stateless

GUMBEL = Distribution("gumbel", loc=0.0, scale=1.0)
IN_BATCHES = {"schedule": Schedule(3, batch_size=700), "optimizer": Adam(0.01, 0.9, 0.99, True)}
CLIMB = {"optimizer": HillClimb(0.01, 1.5), "estimator": CostScaled([1.0])}
KINDS = {
    "article": {},
    "batches": {
        **IN_BATCHES,
        "estimator": LearnedFeedback(0.1, 0.2),
        "noise_transform": NoiseTransform.sign,
    },
    "fixed feedback": {"estimator": FeedbackAlignment(1.0), "noise_transform": NoiseTransform.rank},
    "chance": {"optimizer": Annealing(0.01, 0.1, 1e-3), "estimator": CostScaled([1.0])},
    "known": CLIMB,
    "numpy's": {"distribution": Distribution("laplace", loc=0.0, scale=1.0), "frozen": [1]},
    "formula": {
        "distribution": QuantileDistribution("tan(pi * (u - 0.5))"),
        "optimizer": Vanilla(1e-4),
    },
    "gradient": {"distribution": None, "optimizer": Vanilla(1e-6)},
}


def trial(distribution=GUMBEL, streams=None, threads=2, hidden=(12, 9), **options):
    streams = streams or IndependentStreams(1, 1, 1)
    split = Embedded(test_size=100).split(streams.permutation)
    options = {"schedule": Schedule(3), **options}
    return Trial(split, distribution, streams, threads=threads, hidden=hidden, **options)


def went(ready):
    """What a training measures on its way, and where it ends."""
    told = [(e.epoch, e.cost, e.train_error_rate, e.forward_passes) for e in ready.train()]
    return told, ready.parameters.tobytes(), ready.test().outputs.tobytes()


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda ready: pickle.loads(pickle.dumps(ready))}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_as_the_trial_would(kind, copied):
    ready = trial(**KINDS[kind])
    untrained = copied(ready)
    whole = went(ready)
    assert went(untrained) == whole
    trained = copied(ready)
    epochs = ready.train()
    next(epochs)
    midway = copied(ready)  # the training that is on its way is not copied: both begin anew
    del epochs
    assert went(trained) != whole
    assert went(midway) == went(ready)


@pytest.mark.parametrize("distribution", ["gumbel", "weibull", "laplace"])
def test_the_articles_stream_goes_on_too(distribution, tmp_path):
    parameters = {"weibull": {"a": 1.0}}.get(distribution, {"loc": 0.0, "scale": 1.0})
    ready = trial(
        Distribution(distribution, **parameters), ArticleStream(1, 2, tmp_path), hidden=(3, 2)
    )
    draws = [Drawn(), Drawn()]
    for drawn in draws:
        ready.estimator = drawn
        list(ready.train())
        ready.noise().fill(np.empty(100))  # from its start, and apart
    both = np.array([xi for drawn in draws for xi in drawn.xis])
    source = ready.noise()
    for xi in both:
        source.fill(again := np.empty_like(xi))
        np.testing.assert_array_equal(xi, again)
    assert len(np.unique(both, axis=0)) == len(both) == 6


class Drawn(Stateless):
    """Keeps what was drawn, and on which images."""

    def __init__(self):
        self.xis, self.batches = [], []

    def estimate(self, objective, parameters, noise, out):
        noise.fill(out)
        self.xis.append(out.copy())
        self.batches.append(objective.evaluate(parameters).loss)
        return objective.evaluate(parameters)


def test_a_second_training_draws_on():
    once, twice = (trial(schedule=Schedule(n, batch_size=700)) for n in (4, 2))
    once.estimator, twice.estimator = (Drawn() for _ in range(2))
    once.optimizer = twice.optimizer = Vanilla(0.0)
    list(once.train())
    for _ in range(2):
        list(twice.train())
    np.testing.assert_array_equal(once.estimator.xis, twice.estimator.xis)
    assert once.estimator.batches == twice.estimator.batches
    assert len(set(once.estimator.batches)) == len(once.estimator.batches) == 12


def test_what_a_left_training_drew_is_not_drawn_again():
    ready = trial(optimizer=Vanilla(0.0), estimator=Drawn())
    for _ in ready.train():
        break
    list(ready.train())
    assert len(np.unique(ready.estimator.xis, axis=0)) == len(ready.estimator.xis) == 4


@pytest.mark.parametrize("kind", ["article", "batches", "known"])
def test_what_is_measured_between_epochs_costs_and_changes_nothing(kind):
    undisturbed, watched = (trial(**KINDS[kind]) for _ in range(2))
    told = []
    for e in watched.train():
        told.append((e.epoch, e.cost, e.train_error_rate, e.forward_passes))
        assert len(watched.objective) == watched.objective.batch_size
        watched.test()
        watched.noise().fill(np.empty(10))
        watched.objective.choose(np.arange(5))
        watched.objective.gradient(watched.trained, np.empty_like(watched.trained))
        watched.objective.choose(None)
    assert (told, watched.parameters.tobytes()) == went(undisturbed)[:2]


def test_two_trainings_in_turns_move_one_network():
    climb = {**CLIMB, "optimizer": HillClimb(0.001, 1.5)}
    ready = trial(**climb, schedule=Schedule(12))
    first, second = ready.train(), ready.train()
    costs = set()
    for _ in range(12):
        for training in (first, second):
            costs.add(cost := ready.objective.evaluate(ready.trained).cost)
            assert next(training).cost == cost  # measured before its step, where the other left it
    assert len(costs) > 5


def test_no_thread_stays_when_a_training_ends_is_left_or_interrupted():
    before = threading.active_count()
    ready = trial()
    list(ready.train())
    ready.test()
    ready.objective.evaluate(ready.trained)
    assert threading.active_count() == before
    epochs = ready.train()
    next(epochs)
    del epochs
    assert threading.active_count() == before

    class Interrupted(Vanilla):
        def step(self, parameters, direction, context):  # noqa: ARG002
            raise KeyboardInterrupt

    interrupted = trial(optimizer=Interrupted(0.01))
    with pytest.raises(KeyboardInterrupt):
        list(interrupted.train())
    assert threading.active_count() == before
    interrupted.optimizer = Vanilla(0.01)
    assert len(went(interrupted)[0]) == 3


def in_a_fork(function):
    """What a function returns in a forked process, which must end."""
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(function()), daemon=True)
    child.start()
    try:
        for _ in range(10 * PATIENCE):
            if not answers.empty():
                return answers.get()
            child.join(0.1)
            assert child.is_alive() or not answers.empty(), "it ended without an answer"
        pytest.fail("it hangs")
    finally:
        child.kill()
        child.join()


@needs_linux
@pytest.mark.parametrize("kind", ["article", "batches"])
def test_a_forked_process_trains_on(kind):
    ready = trial(**KINDS[kind])
    list(ready.train())
    expected = went(copy.deepcopy(ready))
    assert in_a_fork(lambda: went(ready)) == expected
    assert in_a_fork(lambda: ready.test().outputs.tobytes()) == ready.test().outputs.tobytes()


@needs_linux
def test_a_training_that_is_on_its_way_goes_on_in_a_forked_process():
    ready = trial()
    epochs = ready.train()
    next(epochs)

    def rest():
        told = [e.cost for e in epochs]
        return told, went(ready)

    assert in_a_fork(rest) == rest()
