"""Optimizers: the papers' rules, on the losses of `oracles`."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from oracles import numeric_gradient, problem
from support import options, trial

from noise_exp.training.network import SquaredError
from noise_exp.training.objective import Evaluation
from noise_exp.training.optimizers import (
    Adam,
    Annealing,
    HillClimb,
    Momentum,
    Optimizer,
    StepContext,
    Vanilla,
)


def context(objective, evaluation, progress=0.0, seed=0):
    return StepContext(objective, evaluation, 0, progress, np.random.default_rng(seed))


def test_adam_is_the_papers_algorithm():
    objective, w, _ = problem(1, SquaredError)
    adam, ours, paper = Adam(0.01, 0.9, 0.999, decay=False).init(w), w.copy(), w.copy()
    m = v = np.zeros_like(w)
    rng = np.random.default_rng(4)
    for t in range(1, 8):
        d = rng.normal(size=len(w)) * 10.0**t
        m, v = 0.9 * m + 0.1 * d, 0.999 * v + 0.001 * d**2
        paper += 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.step(ours, d.copy(), context(objective, None))
        np.testing.assert_allclose(ours, paper, rtol=1e-12)


def test_momentum_adds_up_and_the_learning_rate_decays_to_nothing():
    objective, w, _ = problem(1, SquaredError)
    heavy, ours = Momentum(0.1, 0.5, decay=True).init(w), np.zeros_like(w)
    heavy.step(ours, np.ones_like(w), context(objective, None, 0.0))
    np.testing.assert_allclose(ours, 0.1)
    heavy.step(ours, np.ones_like(w), context(objective, None, 0.5))
    np.testing.assert_allclose(ours, 0.1 + 0.05 * 1.5)
    heavy.step(ours, np.ones_like(w), context(objective, None, 1.0))
    np.testing.assert_allclose(ours, 0.1 + 0.05 * 1.5)


def test_a_hill_climber_never_goes_up_and_trials_of_one_pass_cost_one():
    run = trial("data=xor", "network=small", "optimizer=hill_climb", "dist=gaussian",
                     "estimator.signal=[1,1,1]", "epochs=1500", "optimizer.scale=0.1")  # fmt: skip
    records = list(run.train())
    costs = [record.cost for record in records]
    assert all(b <= a for a, b in itertools.pairwise(costs))
    assert costs[-1] < 0.05 < costs[0]
    assert records[-1].forward_passes == 1501  # one trial an epoch, and the start


def test_the_one_fifth_rule_stands_still_at_one_success_in_five():
    objective, w, loss = problem(1, SquaredError)
    gradient = numeric_gradient(loss, w)
    climber = HillClimb(1e-4, 2.0).init(w)
    for i in range(10):
        way = -gradient if i % 5 == 0 else gradient  # small steps: down succeeds, up fails
        climber.step(w.copy(), way.copy(), context(objective, objective.evaluate(w)))
    assert climber.scale == pytest.approx(1e-4)


def test_annealing_accepts_by_metropolis():
    objective, w, loss = problem(1, SquaredError)
    uphill = numeric_gradient(loss, w)
    here = objective.evaluate(w)
    there = w + 0.05 * uphill / np.sqrt(np.mean(uphill**2))
    rise = objective.evaluate(there).cost - here.cost
    assert rise > 0
    for temperature, share in ((0.0, 0.0), (rise, math.exp(-1)), (rise / 3, math.exp(-3))):
        annealing = Annealing(0.05, temperature, 1.0).init(w)
        moved = 0
        chance = np.random.default_rng(1)
        for _ in range(600):
            at = w.copy()
            annealing.step(at, uphill.copy(), StepContext(objective, here, 0, 0.3, chance))
            moved += (at != w).any()
        assert abs(moved / 600 - share) < 4 * math.sqrt(share * (1 - share) / 600) + 1e-9
    cold = Annealing(0.05, rise, 1e-3).init(w)
    moves = [
        cold.step(w.copy(), uphill.copy(), context(objective, here, 1.0, s)) for s in range(50)
    ]
    assert all(after == here for after in moves) or rise < 1e-3


def test_a_cost_that_is_not_a_number_never_wins_and_is_always_left():
    objective, w, _ = problem(1, SquaredError)
    good, bad = objective.evaluate(w), Evaluation(math.nan, math.nan, 1.0)
    at = w.copy()
    bold, shy = (HillClimb(scale, 1.5).init(w) for scale in (1.0, 1e-3))
    assert bold.step(at, np.full_like(w, np.nan), context(objective, good)) == good
    np.testing.assert_array_equal(at, w)
    assert np.isfinite(shy.step(at, w.copy(), context(objective, bad)).cost)


@pytest.mark.parametrize(
    ("optimizer", "progress", "left"),
    [
        (Adam(0.1, 0.9, 0.999, decay=True, weight_decay=0.2), 0.75, 0.95),
        (Momentum(0.1, 0.9, decay=False, weight_decay=0.2), 0.75, 0.8),
        (Vanilla(0.1, 0, 0.05, weight_decay=0.2), 0.75, 0.9),
        (HillClimb(0.0, 1.5, weight_decay=0.2), 0.75, 0.8),
        (Annealing(0.0, 1e9, 1.0, weight_decay=0.2), 0.75, 0.8),
    ],
    ids=repr,
)
def test_weight_decay_follows_the_schedule_and_leaves_frozen_layers(optimizer, progress, left):
    """Loshchilov and Hutter (2019): beside the step, by the schedule's share of it."""
    objective, w, _ = problem(1, SquaredError)
    frozen = objective.network.layer_slices()[1]
    at = w.copy()
    worst = Evaluation(1e9, 1e9, 1.0)
    where = StepContext(objective, worst, 0, progress, np.random.default_rng(0), [frozen])
    optimizer.init(at).step(at, np.zeros_like(w), where)
    expected = w * left
    expected[frozen] = w[frozen]
    np.testing.assert_allclose(at, expected, rtol=1e-12)


@pytest.mark.parametrize("optimizer", options("optimizer"))
def test_every_optimizer_takes_weight_decay(optimizer):
    ways = [f"optimizer={optimizer}", "data=xor", "network=small", "estimator=feedback_alignment"]
    ways += ["dist=gaussian", "epochs=20"]
    with_none, with_some = trial(*ways), trial(*ways, "optimizer.weight_decay=0.05")
    for run in (with_none, with_some):
        assert len(list(run.train())) == 20
    assert np.linalg.norm(with_some.trained) < np.linalg.norm(with_none.trained)


def test_an_optimizer_of_ones_own_may_be_of_any_kind_of_class():
    """One without the key has no weight decay, and is not asked to freeze what it holds."""

    @dataclass
    class Counting(Optimizer):
        steps: int = 0

        def init(self, _):
            return self

        def step(self, parameters, direction, _):
            self.steps += 1
            parameters += 0.01 * direction

    mine, run = Counting(), trial("data=xor", "network=small", "epochs=3", "dist=backprop")
    run.optimizer = mine
    assert len(list(run.train())) == 3
    assert mine.steps == 3
    assert mine.weight_decay == 0
