"""Estimators and costs: promises against independent oracles."""

import math

import numpy as np
import pytest
from oracles import cosine, directions, numeric_gradient, problem, source
from scipy import stats
from scipy.special import log_softmax
from support import options, trial

from noise_exp.training.estimators import (
    EvolutionStrategy,
    ForwardGradient,
    LowRankES,
    NodePerturbation,
    Spsa,
    UnitForwardGradient,
)
from noise_exp.training.estimators.low_rank import either_side
from noise_exp.training.network import CrossEntropy, SquaredError

both_costs = pytest.mark.parametrize("cost", [SquaredError, CrossEntropy])
few_and_many = pytest.mark.parametrize("n_out", [1, 4])


@both_costs
@few_and_many
def test_loss_gradient_and_directional_derivative(cost, n_out):
    objective, w, loss = problem(n_out, cost)
    gradient = np.empty_like(w)
    measured = objective.gradient(w, gradient)
    assert measured.loss == pytest.approx(loss(w), rel=1e-12)
    assert measured.cost == pytest.approx(loss(w) / 23 * (2 if cost is SquaredError else 1))
    expected = numeric_gradient(loss, w)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)
    along = np.random.default_rng(2).normal(size=len(w))
    same, derivative = objective.directional_derivative(w, along)
    assert derivative == pytest.approx(expected @ along, rel=1e-6)
    assert same == measured


def test_cross_entropy_of_a_hopeless_output_is_finite():
    objective, w, _ = problem(4, CrossEntropy)
    for weights, _ in objective.network.views(w)[-1:]:
        weights *= 1e4
    assert 100 < objective.evaluate(w).cost < math.inf
    objective, w, _ = problem(1, CrossEntropy)
    objective.network.views(w)[-1][1][:] = 1e4
    assert 1000 < objective.evaluate(w).cost < math.inf


@both_costs
@few_and_many
@pytest.mark.parametrize(
    "estimator",
    [
        Spsa(1e-4, 1),
        Spsa(1e-4, 3),
        ForwardGradient(1),
        ForwardGradient(2),
        NodePerturbation(1e-4),
        NodePerturbation(1e-4, "blind"),
        NodePerturbation(1e-4, "blind", 3),
        UnitForwardGradient(),
        UnitForwardGradient(3),
        LowRankES(1e-4, 5),
        LowRankES(1e-4, 40, 3),
        LowRankES(1e-4, 2, 2, "all"),
    ],
    ids=repr,
)
def test_estimates_are_unbiased(estimator, cost, n_out):
    objective, w, loss = problem(n_out, cost)
    found = directions(estimator, objective, w, 1500)
    error = np.mean(found, axis=0) + numeric_gradient(loss, w)
    standard_error = np.std(found, axis=0) / math.sqrt(len(found))
    # 4.5 standard errors: about one false alarm in a thousand tests of a hundred parameters.
    assert (np.abs(error) < 4.5 * standard_error + 1e-4).all()


@few_and_many
def test_the_loss_of_confident_images_is_exact_in_single_precision(n_out):
    """Small losses must not drown in the rounding of large sums: their changes weigh noise."""
    sums = np.random.default_rng(1).normal(0, 8, (200, n_out))
    labels = np.random.default_rng(2).integers(0, max(n_out, 2), 200)
    targets = labels[:, None] if n_out == 1 else np.eye(n_out)[labels]
    single = sums.astype(np.float32)
    found = CrossEntropy().losses(single, single, targets.astype(np.float32))
    logits = np.hstack([0 * sums, sums]) if n_out == 1 else sums
    expected = -log_softmax(logits.astype(np.float32).astype(float), axis=1)[range(200), labels]
    seen = expected > 1e-12  # below, softmax's own double precision ends
    np.testing.assert_allclose(found[seen], expected[seen], rtol=2e-5)


def test_the_cosine_of_a_forward_gradient_is_that_of_a_random_direction():
    objective, w, loss = problem(4, CrossEntropy)
    gradient = numeric_gradient(loss, w)
    found = directions(ForwardGradient(1), objective, w, 2000)
    cosines = np.array([cosine(-gradient, row) for row in found])
    # A random direction's squared cosine has mean 1/d (Muller 1959: uniform on the sphere).
    mean, error = np.mean(cosines**2), stats.sem(cosines**2)
    assert abs(mean - 1 / len(w)) < 4 * error
    assert (cosines > 0).all()


def test_node_perturbation_is_nearer_to_the_gradient_than_weight_perturbation():
    objective, w, loss = problem(1, CrossEntropy, n=200)
    gradient = numeric_gradient(loss, w)
    medians = [
        np.median([cosine(-gradient, row) for row in directions(estimator, objective, w, 40)])
        for estimator in (Spsa(1e-4, 1), NodePerturbation(1e-4))
    ]
    assert medians[1] > 2 * medians[0]


def test_a_member_of_low_rank_is_the_network_moved_by_its_product():
    """Every pair's difference, of all images and of its share, by networks put together by hand."""
    objective, w, loss = problem(4, CrossEntropy)
    rng, network, pairs, rank = np.random.default_rng(5), objective.network, 3, 2
    factors = [
        (rng.normal(size=(pairs, rank, m)), rng.normal(size=(pairs, rank, n)))
        for m, n in network.shapes()
    ]
    moves = [
        np.concatenate([(a[p].T @ b[p]).ravel() for a, b in factors]) * 0.1 for p in range(pairs)
    ]
    _, found = either_side(objective, w, factors, 0.1, None)
    np.testing.assert_allclose(found, [loss(w + m) - loss(w - m) for m in moves], rtol=1e-9)
    shares = np.arange(23) * pairs // 23
    evaluation, found = either_side(objective, w, factors, 0.1, shares)
    total = 0.0
    for p, move in enumerate(moves):
        objective.choose(np.flatnonzero(shares == p))
        plus, minus = objective.evaluate(w + move).loss, objective.evaluate(w - move).loss
        assert found[p] == pytest.approx(plus - minus, rel=1e-9)
        total += plus + minus
    assert evaluation.loss == pytest.approx(total)
    assert evaluation.cost == pytest.approx(total / 46)


@pytest.mark.parametrize("n", [1, 23])
def test_a_share_holds_an_image_at_least(n):
    objective, w, _ = problem(1, CrossEntropy, n=n)
    assert directions(LowRankES(1e-4, 1000), objective, w, 1).any()


def test_the_derivative_along_units_is_node_perturbation_with_a_small_scale():
    objective, w, _ = problem(4, CrossEntropy)
    exact = directions(UnitForwardGradient(), objective, w, 1)
    near = directions(NodePerturbation(1e-6), objective, w, 1)
    np.testing.assert_allclose(near, exact, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("one", "four"),
    [
        (NodePerturbation(1e-4, "blind"), NodePerturbation(1e-4, "blind", 4)),
        (UnitForwardGradient(), UnitForwardGradient(4)),
    ],
    ids=["node_perturbation", "unit_forward_gradient"],
)
def test_four_draws_have_a_quarter_of_the_variance_and_cost_less_than_half_of_four_steps(one, four):
    """Draws share all products with inputs: those of the first layer, and of its gradient."""
    objective, w, loss = problem(4, CrossEntropy)
    gradient = numeric_gradient(loss, w)
    variances, passes = [], []
    for estimator in (one, four):
        before = objective.forward_passes
        found = directions(estimator, objective, w, 1000)
        variances.append(np.mean((found + gradient) ** 2))
        passes.append((objective.forward_passes - before) / len(found))
    # The mean over 1,000 draws strays by a few percent.
    assert variances[0] / variances[1] == pytest.approx(4, rel=0.15)
    assert 2 < passes[0] < passes[1] < 2 * passes[0]


@pytest.mark.parametrize("pairs", [1, 2, 8])
def test_an_evolution_strategy_goes_downhill_by_ranks_alone(pairs):
    objective, w, loss = problem(1, CrossEntropy)
    gradient = numeric_gradient(loss, w)
    found = directions(EvolutionStrategy(1e-4, pairs), objective, w, 200)
    assert np.mean([cosine(-gradient, row) for row in found]) > 0.05
    if pairs == 1:  # the better one of a pair, whatever the difference
        assert all(cosine(-gradient, row) > 0 for row in found)


def test_an_evolution_strategy_adds_up_its_population_by_rank():
    objective, w, loss = problem(4, CrossEntropy)
    pairs, scale, noise = 3, 0.1, source()
    xis = np.empty((pairs, len(w)))
    for xi in xis:
        noise.fill(xi)
    population = np.concatenate([xis, -xis])
    ranks = stats.rankdata([loss(w + scale * xi) for xi in population])
    expected = (0.5 - (ranks - 1) / (2 * pairs - 1)) @ population / (2 * pairs * scale)
    (found,) = directions(EvolutionStrategy(scale, pairs), objective, w, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("images", ["own", "all"])
def test_every_pair_of_low_rank_has_its_part_in_the_direction(images):
    objective, w, _ = problem(1, CrossEntropy)
    for pairs, rank in ((1, 1), (3, 1), (2, 2)):
        (found,) = directions(LowRankES(1e-4, pairs, rank, images), objective, w, 1)
        (weights, _), *_ = objective.network.views(found)
        assert np.linalg.matrix_rank(weights) == pairs * rank


def test_choices_may_be_words_and_no_others():
    """A word that is no choice, or is taken for another, would train something else unsaid."""
    assert NodePerturbation(0.1, "known") == NodePerturbation(0.1) != NodePerturbation(0.1, "blind")
    assert LowRankES(0.1, 2, images="own") == LowRankES(0.1, 2) != LowRankES(0.1, 2, images="all")
    for wrong in (lambda: NodePerturbation(0.1, "none"), lambda: LowRankES(0.1, 2, images="half")):
        with pytest.raises(ValueError, match="is not a valid"):
            wrong()


def test_what_does_not_measure_at_the_parameters_says_so():
    objective, w, _ = problem(1, SquaredError)
    around = []
    for option in options("estimator"):
        state = trial("data=xor", f"estimator={option}").estimator.init(objective)
        if not state.estimate(objective, w, source(), w * 0).exact:
            around.append(option)
    assert around == ["es", "low_rank_es", "spsa"]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", sorted(set(options("estimator")) - {"cost_scaled"}))
def test_estimators_give_the_same_bits_for_any_number_of_threads(estimator):
    results = []
    for threads in (1, 2, 3):
        run = trial(
            "data=mnist10", "cost=cross_entropy", f"estimator={estimator}", "optimizer=adam",
            "network.hidden=[96,128]", "batch_size=1500", "epochs=2", threads=threads,
        )  # fmt: skip
        results.append(([record.cost for record in run.train()], run.parameters.tobytes()))
    assert results[0] == results[1] == results[2]
