"""A trial goes on: trained again, copied, in a forked process, measured or left in between."""

import copy
import multiprocessing
import pickle
import threading

import numpy as np
import pytest
import support
from support import PATIENCE, needs_linux

from noise_exp.training import Vanilla
from noise_exp.training.estimators import Stateless

IN_BATCHES = ("batch_size=700", "optimizer=adam", "estimator=learned_feedback")
CLIMB = ("optimizer=hill_climb", "estimator.signal=[1.0]", "seed=1")
KINDS = {
    "article": (),
    "batches": IN_BATCHES,
    "fixed feedback": ("estimator=feedback_alignment", "noise_transform=rank"),
    "chance": ("optimizer=annealing", "optimizer.temperature=0.1", "seed=1"),
    "known": CLIMB,
    "numpy's": ("dist.sampler=laplace", "network.frozen=[1]"),
    "gradient": ("dist=backprop", "optimizer.lr=1e-6"),
}


def trial(*overrides):
    small = ("data.test_size=100", "network.hidden=[12,9]", "epochs=3")
    return support.trial(*small, *overrides, threads=2)


def went(ready):
    """What a training measures on its way, and where it ends."""
    records = [(e.epoch, e.cost, e.train_error_rate, e.forward_passes) for e in ready.train()]
    return records, ready.parameters.tobytes(), ready.test().outputs.tobytes()


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda ready: pickle.loads(pickle.dumps(ready))}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_goes_on_as_the_trial_would(kind, copied):
    ready = trial(*KINDS[kind])
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


@pytest.mark.parametrize("dist", ["dist=gumbel", "dist=weibull", "dist.sampler=laplace"])
def test_the_articles_stream_goes_on_too(dist, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ready = trial(dist, "stream=article", "network.hidden=[3,2]", "epochs=2")
    draws = [Drawn(), Drawn()]
    for drawn in draws:
        ready.estimator = drawn
        list(ready.train())
        ready.noise().fill(np.empty(100))  # from its start, and apart
    both = np.array([xi for drawn in draws for xi in drawn.xis])
    source, again = ready.noise(), np.empty_like(both)
    for xi in again:
        source.fill(xi)
    np.testing.assert_array_equal(both, again)
    assert len(np.unique(both, axis=0)) == len(both) == 4


class Drawn(Stateless):
    """Keeps what was drawn, and on which images."""

    def __init__(self):
        self.xis, self.batches = [], []

    def estimate(self, objective, parameters, noise, out):
        noise.fill(out)
        self.xis.append(out.copy())
        self.batches.append(objective.evaluate(parameters).loss)
        return objective.evaluate(parameters)


def test_a_second_training_draws_on_and_what_a_left_one_drew_is_not_drawn_again():
    once, twice = (trial(f"epochs={n}", "batch_size=700", "optimizer.lr=0") for n in (4, 2))
    once.estimator, twice.estimator = Drawn(), Drawn()
    for ready in (once, twice, twice):
        list(ready.train())
    np.testing.assert_array_equal(once.estimator.xis, twice.estimator.xis)
    assert once.estimator.batches == twice.estimator.batches
    next(twice.train())
    list(twice.train())
    drawn = twice.estimator
    assert len(np.unique(drawn.xis, axis=0)) == len(set(drawn.batches)) == len(drawn.xis) == 21


@pytest.mark.parametrize("kind", ["article", "batches", "known"])
def test_what_is_measured_between_epochs_costs_and_changes_nothing(kind):
    undisturbed, watched = trial(*KINDS[kind]), trial(*KINDS[kind])
    records = []
    for e in watched.train():
        records.append((e.epoch, e.cost, e.train_error_rate, e.forward_passes))
        assert len(watched.objective) == watched.objective.batch_size
        watched.test()
        watched.noise().fill(np.empty(10))
        watched.objective.choose(np.arange(5))
        watched.objective.gradient(watched.trained, np.empty_like(watched.trained))
        watched.objective.choose(None)
    assert (records, watched.parameters.tobytes()) == went(undisturbed)[:2]


def test_two_trainings_in_turns_move_one_network():
    ready = trial(*CLIMB, "optimizer.scale=0.001", "epochs=12")
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

    interrupted = trial()
    interrupted.optimizer = Interrupted(0.01)
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
    ready = trial(*KINDS[kind])
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
        return [e.cost for e in epochs], went(ready)

    assert in_a_fork(rest) == rest()
