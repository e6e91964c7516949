"""Estimators, costs, repairs, optimizers, budgets: promises against independent oracles."""

import itertools
import math

import numpy as np
import pytest
from omegaconf import OmegaConf
from oracles import numeric_gradient, problem
from scipy import stats
from scipy.special import log_softmax
from support import composed, trial

from noise_exp.errors import UserError
from noise_exp.run.config import CONF_DIR
from noise_exp.run.fingerprint import fingerprint
from noise_exp.training.costs import CrossEntropy, SquaredError
from noise_exp.training.estimators import (
    EvolutionStrategy,
    ExactGradient,
    ForwardGradient,
    LearnedFeedback,
    NodePerturbation,
    Spsa,
)
from noise_exp.training.network import Network
from noise_exp.training.noise import Law, Repair, repair
from noise_exp.training.objective import Objective
from noise_exp.training.streams import IndependentStreams

LAWS = sorted(path.stem for path in (CONF_DIR / "dist").glob("*.yaml"))
ESTIMATORS = sorted(path.stem for path in (CONF_DIR / "estimator").glob("*.yaml"))
OPTIMIZERS = sorted(path.stem for path in (CONF_DIR / "optimizer").glob("*.yaml"))
NORMAL = Law("standard_normal")


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


def source(law=NORMAL, how=Repair.none, seed=3):
    network = Network((1, 1), np.float64)
    return IndependentStreams(0, 0, seed).noise(law, network, how=how)


def directions(estimating, objective, w, n, noise=None):
    noise, out = noise or source(), np.empty((n, len(w)))
    for row in out:
        estimating.estimate(objective, w, noise, row)
    return out


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
    ],
    ids=lambda estimator: f"{type(estimator).__name__}{getattr(estimator, 'samples', '')}",
)
def test_estimates_are_unbiased(estimator, cost, n_out):
    objective, w, loss = problem(n_out, cost)
    found = directions(estimator, objective, w, 1500)
    error = np.mean(found, axis=0) + numeric_gradient(loss, w)
    standard_error = np.std(found, axis=0) / math.sqrt(len(found))
    # 4.5 standard errors: about one false alarm in a thousand tests of a hundred parameters.
    assert (np.abs(error) < 4.5 * standard_error + 1e-4).all()


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@few_and_many
def test_the_loss_of_confident_images_is_exact_in_single_precision(n_out):
    """Small losses must not drown in the rounding of large sums: noise is told by their changes."""
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


@pytest.mark.parametrize("law", ["standard_normal", "gumbel", "zipf", "pareto"])
def test_learned_feedback_finds_how_the_outputs_answer(law):
    """The last hidden layer's feedback becomes the weights above it, whatever the law."""
    objective, w, loss = problem(4, CrossEntropy, n=200)
    options = OmegaConf.to_container(OmegaConf.load(CONF_DIR / "dist" / f"{law}.yaml"))
    noise = source(Law(options.pop("law"), **options))
    feedback = LearnedFeedback(0.05, 0.5).begin(objective)
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
    feedback = LearnedFeedback(0.1, 1.0).begin(objective)
    directions(feedback, objective, w, 60)
    above, _ = network.views(w)[-1]
    np.testing.assert_allclose(feedback.weights[0][0, :2], above[:2, 0], rtol=0.05)
    assert np.abs(feedback.weights[0]).max() < 2 * np.abs(above).max()


@pytest.mark.parametrize("pairs", [1, 2, 8])
def test_an_evolution_strategy_goes_downhill_by_ranks_alone(pairs):
    objective, w, loss = problem(1, CrossEntropy)
    gradient = numeric_gradient(loss, w)
    found = directions(EvolutionStrategy(1e-4, pairs), objective, w, 200)
    assert np.mean([cosine(-gradient, row) for row in found]) > 0.05
    if pairs == 1:  # the better one of a pair, whatever the difference
        assert all(cosine(-gradient, row) > 0 for row in found)


def test_what_does_not_measure_at_the_parameters_says_so():
    objective, w, _ = problem(1, SquaredError)
    exact = {
        type(e).__name__: e.begin(objective).estimate(objective, w, source(), w * 0).exact
        for e in (
            Spsa(0.1, 1),
            EvolutionStrategy(0.1, 1),
            ForwardGradient(1),
            NodePerturbation(0.1),
            LearnedFeedback(0.1, 0.1),
            ExactGradient(),
        )
    }
    assert [name for name, value in exact.items() if not value] == ["Spsa", "EvolutionStrategy"]


def draws(name, how, n=20_000, seed=5):
    options = OmegaConf.to_container(OmegaConf.load(CONF_DIR / "dist" / f"{name}.yaml"))
    out = np.empty(n)
    source(Law(options.pop("law"), **options), how, seed).fill(out)
    return out


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"backprop"}))
def test_repairs(name):
    plain, signed = draws(name, Repair.none), draws(name, Repair.sign)
    np.testing.assert_array_equal(np.abs(plain), np.abs(signed))
    flipped = (signed != plain)[plain != 0]
    assert 0.48 < np.mean(flipped) < 0.52
    if np.ptp(plain[plain != 0]) > 0:
        assert abs(stats.spearmanr(flipped, np.abs(plain[plain != 0])).statistic) < 0.04
    assert abs(np.corrcoef(flipped[1:], flipped[:-1])[0, 1]) < 0.03

    standard = draws(name, Repair.standardize)
    assert np.mean(standard) == pytest.approx(0, abs=1e-9)
    assert np.std(standard) == pytest.approx(1, rel=1e-9)
    assert np.corrcoef(standard, plain)[0, 1] == pytest.approx(1, abs=1e-9)

    ranked = draws(name, Repair.rank)
    assert stats.kstest(ranked, "norm").pvalue > 0.9  # scores, not draws: nearer than chance
    order = np.argsort(ranked)
    assert (np.diff(plain[order]) >= 0).all()
    for value in np.unique(plain)[:2]:  # equal draws come in random order
        same = np.flatnonzero(plain == value)
        if len(same) > 500:
            assert abs(stats.spearmanr(same, ranked[same]).statistic) < 5 / math.sqrt(len(same))


def test_a_law_of_one_value_is_left_in_peace_by_every_repair():
    for how in Repair:
        ones = np.ones(100)
        repair(how, np.random.default_rng(1), ones)
        assert np.isfinite(ones).all()


def test_two_names_of_one_law_draw_different_numbers():
    a, b = draws("gaussian", Repair.none), draws("standard_normal", Repair.none)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03
    assert stats.ks_2samp(a, b).pvalue > 1e-3


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_grid_has_no_invalid_cell(estimator, optimizer):
    for dist, how in itertools.product(("gumbel", "pareto", "backprop"), Repair):
        run = trial(
            "data=xor", "network=small", "dtype=float64", "epochs=4", f"dist={dist}",
            f"estimator={estimator}", f"estimator.repair={how.value}", f"optimizer={optimizer}",
        )  # fmt: skip
        before = run.parameters.copy()
        costs = [record.cost for record in run.train()]
        assert len(costs) == 4
        assert np.isfinite(costs).all()
        assert (run.parameters != before).any() or optimizer in ("hill_climb", "annealing")


@pytest.mark.parametrize(
    ("estimator", "passes"),
    [("cost_scaled", 1), ("spsa", 2), ("es", 16), ("forward_gradient", 3),
     ("node_perturbation", 3), ("learned_feedback", 3)],
)  # fmt: skip
def test_a_budget_in_forward_passes_is_kept(estimator, passes):
    for size in (None, 100, 512, 2000):
        run = trial(
            "data=article", "network.hidden=[8,4]", f"estimator={estimator}", "epochs=null",
            "forward_passes=33.5", f"batch_size={'null' if size is None else size}",
        )  # fmt: skip
        records = list(run.train())
        # What is left would not have paid for another batch, and nothing was overspent.
        step = passes * (size or 2095) / 2095
        assert 33.5 - step < records[-1].forward_passes <= 33.5 + 1e-6
        assert records[-1].progress == 1
        progress = [record.progress for record in records]
        assert progress == sorted(progress)


def test_batches_hold_every_image_once_in_an_order_of_seeds_data():
    class Spy(ExactGradient):
        def __init__(self):
            self.batches = []

        def estimate(self, objective, parameters, noise, out):
            self.batches.append(objective._images.copy())
            return super().estimate(objective, parameters, noise, out)

    orders = []
    for seeds in ("seeds=all seed=1", "seeds=all seed=1", "seeds=init seed=1", "seeds=data seed=1"):
        run = trial("data=article", "network=small", "dist=backprop", "batch_size=512",
                         "epochs=2", *seeds.split())  # fmt: skip
        run.estimator = Spy()
        list(run.train())
        sizes = [len(batch) for batch in run.estimator.batches]
        assert sizes == [512, 512, 512, 512, 47] * 2
        first, second = (np.concatenate(run.estimator.batches[i : i + 5]) for i in (0, 5))
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
        orders.append(first.tobytes())
    assert orders[0] == orders[1] == orders[3] != orders[2]


def test_frozen_layers_keep_their_weights_and_the_others_do_not():
    run = trial("data=article", "network=small", "network.frozen=[1,2]", "epochs=3",
                     "optimizer=adam", "estimator=learned_feedback")  # fmt: skip
    before = run.parameters.copy()
    list(run.train())
    same = [bool((run.parameters[s] == before[s]).all()) for s in run.network.layer_slices()]
    assert same == [True, True, False]
    with pytest.raises(UserError, match=r"network.frozen must hold layers, 1 to 3 .* got \[0\]"):
        trial("network=small", "network.frozen=[0]")


DATA, HELD = ("data=mnist01", "network=small"), ("data.validation_size=300",)


def test_validation_images_come_from_training_and_test_images_stay_out():
    whole, held = trial(*DATA), trial(*DATA, *HELD)
    assert len(held.split.train_labels) == len(whole.split.train_labels) - 300
    training = np.concatenate([held.split.train_images, held.split.test_images])
    np.testing.assert_array_equal(training, whole.split.train_images)
    assert not set(held.split.test_indices) & set(whole.split.test_indices)
    prints = {fingerprint(composed(*DATA, *o), t) for o, t in ((HELD, held), ((), whole))}
    assert len(prints) == 2


def test_ten_digits_have_ten_outputs_that_are_probabilities():
    run = trial("data=mnist10", "network=small", "dist=backprop", "cost=cross_entropy",
                     "optimizer=adam", "epochs=3", "batch_size=256")  # fmt: skip
    assert sorted(np.unique(run.split.train_labels)) == list(range(10))
    assert len(run.split.test_labels) == 2000
    list(run.train())
    test = run.test()
    assert test.outputs.shape == (2000, 10)
    np.testing.assert_allclose(test.outputs.sum(axis=1), 1, rtol=1e-5)
    labels = run.split.test_labels
    np.testing.assert_array_equal(test.wrong, np.argmax(test.outputs, axis=1) != labels)
    expected = -np.mean(np.log(test.outputs[np.arange(2000), labels]))
    assert test.cost == pytest.approx(expected, rel=1e-4)
    assert test.error_rate < 0.5  # 0.9 by chance


@pytest.mark.parametrize("dist", LAWS)
def test_every_law_as_it_is_learns_zeros_from_ones(dist):
    run = trial(
        "data=mnist01", "data.pixel_divisor=255", "network.hidden=[84,102]", f"dist={dist}",
        "estimator=learned_feedback", "optimizer=adam", "batch_size=128", "cost=cross_entropy",
        "epochs=null", "forward_passes=30", "seed=77",
    )  # fmt: skip
    list(run.train())
    assert run.test().errors <= 5  # of 500; logistic regression gets 0 to 2, chance about 230


@pytest.mark.parametrize("estimator", ["spsa", "es", "forward_gradient", "node_perturbation",
                                       "learned_feedback"])  # fmt: skip
def test_estimators_give_the_same_bits_for_any_number_of_threads(estimator):
    results = []
    for threads in (1, 2, 3):
        run = trial(
            "data=mnist10", "cost=cross_entropy", f"estimator={estimator}", "optimizer=adam",
            "network.hidden=[96,128]", "batch_size=1500", "epochs=2", threads=threads,
        )  # fmt: skip
        results.append(([record.cost for record in run.train()], run.parameters.tobytes()))
    assert results[0] == results[1] == results[2]
