"""A trial: parts that serve many trainings, and values that do not fit."""

import dataclasses
import itertools

import numpy as np
import pytest
from support import options
from support import trial as trial_of_options

from noise_exp.training import (
    ArticleStream,
    CostScaled,
    Distribution,
    Embedded,
    IndependentStreams,
    NoiseTransform,
    Schedule,
    Trial,
    Xor,
    loop,
)
from noise_exp.training.estimators import Stateless


def trial(estimator=None, optimizer=None, distribution=True, epochs=4, streams=None, **options):
    streams = streams or IndependentStreams(1, 1, 1)
    return Trial(
        Xor().split(streams.permutation, np.float64),
        Distribution("gumbel") if distribution else None, streams,
        estimator=estimator, optimizer=optimizer,
        **{"hidden": (8, 4), "schedule": Schedule(epochs), **options},
    )  # fmt: skip


def result(ready):
    return [epoch.cost for epoch in ready.train()], ready.trained.tobytes()


@pytest.mark.parametrize("optimizer", options("optimizer"))
@pytest.mark.parametrize("estimator", options("estimator"))
def test_the_same_parts_train_twice_with_the_same_result(estimator, optimizer):
    of_command = trial_of_options(f"estimator={estimator}", f"optimizer={optimizer}", "data=xor")
    parts = of_command.estimator, of_command.optimizer
    before = [dataclasses.asdict(part) for part in parts]
    first, second = (result(trial(*parts)) for _ in range(2))
    assert first == second
    # Nothing is kept beside the settings, and these are what they were.
    assert [vars(part) for part in parts] == [dataclasses.asdict(part) for part in parts] == before


class Signs(Stateless):
    """Fair signs that are none of the noise's."""

    def estimate(self, objective, parameters, noise, out):
        out[:] = noise.rng.choice([-1.0, 1.0], len(out))
        return objective.evaluate(parameters)


def test_an_estimator_has_a_generator_beside_the_noise(tmp_path):
    for streams in (IndependentStreams, lambda *seeds: ArticleStream(seeds[2], 4, tmp_path)):
        once, twice, other = (
            trial(Signs(), epochs=n, streams=streams(1, 1, seed))
            for n, seed in ((4, 1), (2, 1), (4, 2))
        )
        costs = result(once)[0]
        assert costs == result(twice)[0] + result(twice)[0] != result(other)[0]
        quiet, used = once.noise(), once.noise()
        used.rng.random(7)
        drawn = np.empty((2, 99))
        quiet.fill(drawn[0])
        used.fill(drawn[1])
        np.testing.assert_array_equal(*drawn)


def test_parts_of_ones_own_that_keep_their_state_themselves_begin_anew_too():
    class Growing:  # as a user may write it: no base class, no init
        lr = 0.01

        def step(self, parameters, direction, context):  # noqa: ARG002
            self.lr *= 2
            parameters += self.lr * direction

    own = Growing()
    first, second = (result(trial(optimizer=own)) for _ in range(2))
    assert first == second
    assert own.lr == 0.01


def test_the_transform_is_the_noises():
    costs = {how: result(trial(noise_transform=how))[0] for how in NoiseTransform}
    assert len({tuple(c) for c in costs.values()}) == len(NoiseTransform)


@pytest.mark.parametrize("distribution", [True, False])
def test_training_goes_on_from_where_it_stands(distribution):
    whole, parts = (
        trial(distribution=distribution, epochs=1),
        trial(distribution=distribution, epochs=1),
    )
    first = [epoch.cost for _ in range(2) for epoch in whole.train()]
    (second,) = (epoch.cost for epoch in parts.train())
    assert first[0] == second
    assert first[1] == pytest.approx(parts.objective.evaluate(parts.trained).cost)


def test_parameters_are_up_to_date_in_mid_training():
    streams = IndependentStreams(1, 1, 1)
    ready = Trial(
        Embedded().split(streams.permutation), Distribution("gumbel"), streams, hidden=(8, 4)
    )
    before, epochs = ready.parameters, ready.train()
    next(epochs)
    after = ready.parameters
    assert after.shape == (ready.network.n_parameters,)
    np.testing.assert_array_equal(after != before, ready.kept)
    np.testing.assert_array_equal(after[ready.kept], ready.trained)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": (0, 4)}, "hidden must hold numbers of at least 1"),
        ({"init_scale": np.inf}, "init_scale must be finite"),
        ({"frozen": [4]}, "frozen must hold layers, 1 to 3"),
        ({"estimator": CostScaled([1.0, 0.1])}, "signal must hold one number for each"),
    ],
)
def test_what_does_not_fit_is_said_with_its_parameters_name(options, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        trial(**options)


def test_a_single_signal_is_for_every_layer():
    one, three = (result(trial(CostScaled(signal))) for signal in ([0.3], [0.3, 0.3, 0.3]))
    assert one == three


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second whenever training looks at it."""
    ticks = itertools.count()
    monkeypatch.setattr(loop, "perf_counter", lambda: float(next(ticks)))
    return ticks


def test_a_budget_of_seconds_ends_training_where_it_is_spent(clock):  # noqa: ARG001
    ready = trial(schedule=Schedule(None, batch_size=1, seconds=50.0))
    epochs = list(ready.train())
    assert epochs[-1].train_seconds >= 50
    assert [epoch.train_seconds < 50 for epoch in epochs[:-1]] == [True] * (len(epochs) - 1)
    shares = [epoch.progress for epoch in epochs]
    assert shares == sorted(shares)
    assert shares[0] < 0.5
    assert shares[-1] == 1.0


def test_what_passes_between_epochs_is_not_training(clock):
    unhurried, hurried = [], [e.train_seconds for e in trial(epochs=5).train()]
    for epoch in trial(epochs=5).train():
        unhurried.append(epoch.train_seconds)
        for _ in range(1000):
            next(clock)
    assert unhurried == hurried


def test_a_budget_of_seconds_that_the_first_step_overdraws_still_buys_it(clock):  # noqa: ARG001
    (epoch,) = trial(schedule=Schedule(None, batch_size=1, seconds=1e-9)).train()
    assert epoch.train_seconds > 0
    assert epoch.progress == 1.0


@pytest.mark.parametrize("key", ["epochs", "forward_passes", "batch_size", "seconds"])
def test_a_schedule_has_no_negative_and_no_endless_numbers(key):
    for value in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=f"^{key} must be"):
            Schedule(**{key: value})
