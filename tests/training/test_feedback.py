"""Feedback, fixed and learned: what it sends back against independent oracles."""

import math
import re
from collections import deque

import numpy as np
import pytest
from oracles import cosine, directions, material, numeric_gradient, problem, source
from scipy.special import softmax
from support import distribution_of

from noise_exp.training.estimators import (
    DirectKolenPollack,
    FeedbackAlignment,
    KolenPollack,
    LearnedFeedback,
    SignSymmetry,
    WeightMirror,
)
from noise_exp.training.loop import Schedule, train
from noise_exp.training.network import CrossEntropy, Network
from noise_exp.training.objective import Objective
from noise_exp.training.optimizers import HillClimb, Momentum
from noise_exp.training.streams import IndependentStreams


@pytest.mark.parametrize("direct", [False, True])
def test_feedback_alignment_is_back_propagation_through_other_weights(direct):
    """With the true weights as feedback it is exact; with others the last layer still is."""
    objective, w, loss = problem(4, CrossEntropy)
    gradient = numeric_gradient(loss, w)
    feedback = FeedbackAlignment(1.0, direct).init(objective)
    first, second = directions(feedback, objective, w, 2)
    np.testing.assert_array_equal(first, second)  # the feedback weights are drawn once
    last = objective.network.layer_slices()[-1]
    np.testing.assert_allclose(first[last], -gradient[last], rtol=1e-4, atol=1e-6)
    assert cosine(first[: last.start], -gradient[: last.start]) < 0.9
    *hidden, above = [weights.T for weights, _ in objective.network.views(w)[1:]]
    if direct:  # exact for the hidden layer below the outputs
        feedback.weights[-1] = above
        known = slice(objective.network.layer_slices()[-2].start, None)
    else:
        feedback.weights = [*hidden, above]
        known = slice(None)
    (exact,) = directions(feedback, objective, w, 1)
    np.testing.assert_allclose(exact[known], -gradient[known], rtol=1e-4, atol=1e-6)


def test_feedback_weights_have_the_scale_that_was_asked_for():
    network = Network((5, 400, 300, 200), np.float64)
    objective = Objective(network, np.ones((4, 5)), np.arange(4))
    for direct, above in ((False, (300, 200)), (True, (200, 200))):
        feedback = FeedbackAlignment(2.0, direct).init(objective)
        directions(feedback, objective, np.zeros(network.n_parameters), 1)
        for weights, n_above, n in zip(feedback.weights, above, (400, 300), strict=True):
            assert weights.shape == (n_above, n)
            assert np.std(weights) == pytest.approx(2 / math.sqrt(n_above), rel=0.02)


@pytest.mark.parametrize("distribution", ["standard_normal", "gumbel", "zipf", "pareto"])
def test_learned_feedback_finds_how_the_outputs_answer(distribution):
    """The last hidden layer's feedback becomes the weights above it, whatever the distribution."""
    objective, w, loss = problem(4, CrossEntropy, n=200)
    noise = source(distribution_of(distribution))
    feedback = LearnedFeedback(0.05, 0.5).init(objective)
    found = directions(feedback, objective, w, 300, noise)
    above, _ = objective.network.views(w)[-1]
    assert cosine(feedback.weights[-1], above.T) > 0.97
    # The layer below it learns of a linear answer only: near to the gradient, not equal to it.
    first = objective.network.layer_slices()[0]
    gradient = numeric_gradient(loss, w)
    assert cosine(found[-1][first], -gradient[first]) > 0.5
    assert not found[0][first].any()  # it begins by knowing nothing
    last = objective.network.layer_slices()[-1]
    np.testing.assert_allclose(found[-1][last], -gradient[last], rtol=1e-4, atol=1e-6)


def test_saturated_units_do_not_upset_the_fit():
    """Ninety-eight of a hundred units pass on nothing; the fit of the others must not explode."""
    rng = np.random.default_rng(1)
    network = Network((20, 100, 1), np.float64)
    w = rng.normal(size=network.n_parameters) * 0.2
    network.views(w)[0][1][2:] = 300.0
    images, labels = rng.normal(size=(500, 20)), rng.integers(0, 2, 500)
    objective = Objective(network, images, labels, cost=CrossEntropy())
    feedback = LearnedFeedback(0.1, 1.0).init(objective)
    directions(feedback, objective, w, 60)
    above, _ = network.views(w)[-1]
    np.testing.assert_allclose(feedback.weights[0][0, :2], above[:2, 0], rtol=0.05)
    assert np.abs(feedback.weights[0]).max() < 2 * np.abs(above).max()


class Watched:
    """An estimator whose state can be looked at in training."""

    def __init__(self, estimator):
        self.estimator, self.before, self.moved = estimator, [], 0

    def init(self, objective):
        state = self.state = self.estimator.init(objective)
        estimate, stepped = state.estimate, state.stepped

        def first(objective, parameters, *rest):
            if not self.before:
                estimate(objective, parameters, *rest)
                self.before = self.gaps(objective.network, parameters)
            return estimate(objective, parameters, *rest)

        def counted(*arguments):
            self.moved += 1
            stepped(*arguments)

        state.estimate, state.stepped = first, counted
        return state

    def gaps(self, network, parameters):
        """How far each layer's feedback weights are from the forward weights."""
        above = [weights.T for weights, _ in network.views(parameters)[1:]]
        return [ours - true for ours, true in zip(self.state.weights, above, strict=True)]


def trained(watched, optimizer, frozen=(), steps=40):
    objective, w, _ = problem(4, CrossEntropy)
    parts = [objective.network.layer_slices()[layer] for layer in frozen]
    start, streams = w.copy(), IndependentStreams(0, 0, 0)
    deque(train(objective, watched, optimizer, source(), w, Schedule(steps), streams, parts), 0)
    return objective.network, start, w


@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_kolen_pollack_weights_meet_as_weight_decay_lets_them(decay):
    """Kolen and Pollack (1994): the difference shrinks by the decay's factor in every step."""
    watched = Watched(KolenPollack(1.0))
    network, start, w = trained(watched, Momentum(0.001, 0.5, decay=False, weight_decay=decay))
    assert np.abs(w - start).max() > 0.01
    for gap, before in zip(watched.gaps(network, w), watched.before, strict=True):
        np.testing.assert_allclose(gap, before * (1 - decay) ** 40, rtol=1e-6, atol=1e-9)
    assert watched.moved == 40


def test_kolen_pollack_follows_trials_that_are_taken_and_no_others():
    watched = Watched(KolenPollack(1.0))
    network, _, w = trained(watched, HillClimb(0.05, 1.5, weight_decay=0.02))
    assert 0 < watched.moved < 40
    for gap, before in zip(watched.gaps(network, w), watched.before, strict=True):
        np.testing.assert_allclose(gap, before * 0.98**watched.moved, rtol=1e-6, atol=1e-9)


def test_feedback_for_a_frozen_layer_stays_as_it_is():
    watched = Watched(KolenPollack(1.0))
    network, start, w = trained(watched, Momentum(0.001, 0.5, False, weight_decay=0.02), [1])
    frozen = network.layer_slices()[1]
    np.testing.assert_array_equal(w[frozen], start[frozen])
    first, second = watched.gaps(network, w)
    np.testing.assert_array_equal(first, watched.before[0])
    assert not np.array_equal(second, watched.before[1])


def test_direct_kolen_pollack_descends_as_if_feedback_led_forward():
    """One step by hand: minus rate times the mean of output error times activity, and decay."""
    network, w, images, labels = material(4)
    feedback = DirectKolenPollack(1.0, 0.5, 0.1).init(Objective(network, images, labels))
    objective = Objective(network, images, labels, cost=CrossEntropy())
    directions(feedback, objective, w, 1)
    after = [weights.copy() for weights in feedback.weights]
    directions(feedback, objective, w, 1)
    below, activities = images, []
    for weights, biases in network.views(w)[:-1]:
        below = np.arctan(below @ weights + biases)
        activities.append(below)
    weights, biases = network.views(w)[-1]
    errors = softmax(below @ weights + biases, axis=1) - np.eye(4)[labels]
    for now, before, activity in zip(feedback.weights, after, activities, strict=True):
        expected = 0.9 * before - 0.5 * errors.T @ activity / len(images)
        np.testing.assert_allclose(now, expected, rtol=1e-9)


@pytest.mark.parametrize("distribution", ["standard_normal", "gumbel", "binomial", "pareto"])
def test_a_weight_mirror_shows_the_forward_weights(distribution):
    """Their size too, whatever the noise's mean and variance; and new ones after a while."""
    objective, w, _ = problem(4, CrossEntropy)
    mirror, noise = WeightMirror(0.02, 50).init(objective), source(distribution_of(distribution))
    for parameters in (w, w[::-1].copy()):
        directions(mirror, objective, parameters, 400, noise)
        above = [weights.T for weights, _ in objective.network.views(parameters)[1:]]
        for found, true in zip(mirror.weights, above, strict=True):
            assert cosine(found, true) > 0.99
            assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(true), rel=0.1)


@pytest.mark.parametrize("magnitudes", ["uniform", "random"])
def test_sign_symmetry_has_the_forward_weights_signs_and_magnitudes_that_stay(magnitudes):
    objective, w, _ = problem(4, CrossEntropy)
    feedback = SignSymmetry(2.0, magnitudes).init(objective)
    sizes = []
    for parameters in (w, -w, w[::-1].copy()):
        directions(feedback, objective, parameters, 1)
        above = [weights.T for weights, _ in objective.network.views(parameters)[1:]]
        for found, true in zip(feedback.weights, above, strict=True):
            np.testing.assert_array_equal(np.sign(found), np.sign(true))
        sizes.append([np.abs(found) for found in feedback.weights])
    for first, *others in zip(*sizes, strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)
        equal = np.ptp(first) == 0
        assert equal == (magnitudes == "uniform")
        if equal:
            np.testing.assert_allclose(first, 2 / math.sqrt(len(first)))


@pytest.mark.parametrize(
    "estimator",
    [
        KolenPollack(1.0),
        DirectKolenPollack(1.0, 0.1, 0.01),
        WeightMirror(0.1, 10),
        SignSymmetry(1.0),
    ],
    ids=repr,
)
def test_the_outputs_learn_by_the_exact_gradient(estimator):
    objective, w, loss = problem(4, CrossEntropy)
    (found,) = directions(estimator.init(objective), objective, w, 1)
    last = objective.network.layer_slices()[-1]
    np.testing.assert_allclose(found[last], -numeric_gradient(loss, w)[last], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: KolenPollack(0.0), "scale must be a finite number above 0, got 0.0"),
        (lambda: DirectKolenPollack(1, 0.1, 1.0), "decay must be at least 0 and below 1, got 1.0"),
        (lambda: WeightMirror(1.5, 10), "rate must be at most 1, got 1.5"),
        (lambda: WeightMirror(0.5, 1), "samples must be at least 2, got 1"),
        (lambda: SignSymmetry(1.0, "equal"), "'equal' is not a valid Magnitudes"),
    ],
)
def test_what_feedback_refuses_is_named_with_its_value(wrong, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        wrong()
