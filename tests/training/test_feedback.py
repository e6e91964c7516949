"""Feedback, fixed and learned: what it sends back against independent oracles."""

import math

import numpy as np
import pytest
from oracles import cosine, directions, numeric_gradient, problem, source
from support import distribution_of

from noise_exp.training.estimators import FeedbackAlignment, LearnedFeedback
from noise_exp.training.network import CrossEntropy, Network
from noise_exp.training.objective import Objective


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


def test_ways_back_have_the_scale_that_was_asked_for():
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
    # The layer below it is told of a linear answer only: near to the gradient, not equal to it.
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
