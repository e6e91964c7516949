"""Options of the command line: every combination trains, and each does what it is for."""

import itertools

import numpy as np
import pytest
from support import composed, options, trial

from noise_exp.errors import UserError
from noise_exp.job.build import build
from noise_exp.job.describe import plain
from noise_exp.job.fingerprint import fingerprint
from noise_exp.training.estimators import ExactGradient
from noise_exp.training.noise import NoiseTransform

DISTRIBUTIONS, ESTIMATORS, OPTIMIZERS = map(options, ("dist", "estimator", "optimizer"))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_grid_has_no_invalid_cell(estimator, optimizer):
    configs = [
        composed("data=xor", "network=small", "dtype=float64", "epochs=4", f"dist={dist}",
                 f"estimator={estimator}", f"optimizer={optimizer}")
        for dist in ("gumbel", "pareto", "backprop")
    ]  # fmt: skip
    for config, how in itertools.product(configs, NoiseTransform):
        config.noise_transform = how
        run = build(config)
        before = run.parameters.copy()
        costs = [record.cost for record in run.train()]
        assert len(costs) == np.isfinite(costs).sum() == 4
        assert (run.parameters != before).any() or optimizer in ("hill_climb", "annealing")


def test_an_estimator_sets_what_is_done_to_the_noise_unless_the_user_does():
    shown = [
        composed(*overrides).noise_transform.value
        for overrides in ([], ["estimator=learned_feedback"], ["preset=es"], ["experiment=learn"],
                          ["estimator=learned_feedback", "noise_transform=none"])
    ]  # fmt: skip
    assert shown == ["none", "sign", "sign", "sign", "none"]


@pytest.mark.slow
@pytest.mark.parametrize("estimator", options("estimator"))
def test_a_budget_in_forward_passes_is_kept(estimator):
    for size in (None, 100, 512, 2000):
        run = trial(
            "data=article", "network.hidden=[8,4]", f"estimator={estimator}", "epochs=null",
            "forward_passes=33.5", f"batch_size={'null' if size is None else size}",
        )  # fmt: skip
        records = list(run.train())
        # What is left would not have paid for another batch, and nothing was overspent.
        step = records[0].forward_passes * (size or 2095) / 2095
        assert 33.5 - step < records[-1].forward_passes <= 33.5 + 1e-6
        assert records[-1].progress == 1
        progress = [record.progress for record in records]
        assert progress == sorted(progress)


@pytest.mark.parametrize(
    ("seeds", "same"),
    [
        ("seed=1", True),
        ("seed=1 seeds.batches=2", False),
        ("seed=2 seeds.data=1 seeds.batches=1", True),
    ],
)
def test_batches_hold_every_image_once_in_an_order_of_their_own_seed(seeds, same):
    class Spy(ExactGradient):
        def estimate(self, objective, parameters, noise, out):
            batches.append(objective._chosen().copy())
            return super().estimate(objective, parameters, noise, out)

    orders = []
    for drives in ("seed=1", seeds):
        batches = []
        run = trial("network=small", "dist=backprop", "batch_size=512", "epochs=2",
                    *drives.split())  # fmt: skip
        run.estimator = Spy()
        list(run.train())
        assert [len(batch) for batch in batches] == [512, 512, 512, 512, 47] * 2
        first, second = np.concatenate(batches[:5]), np.concatenate(batches[5:])
        assert not np.array_equal(first, second)
        np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
        orders.append(first.tobytes())
    assert (orders[0] == orders[1]) is same


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
    prints = {fingerprint(plain(composed(*DATA, *o)), t) for o, t in ((HELD, held), ((), whole))}
    assert len(prints) == 2


def test_ten_digits_have_ten_outputs_that_are_probabilities():
    run = trial("data=mnist10", "network=small", "dist=backprop", "cost=cross_entropy",
                "optimizer=adam", "epochs=3", "batch_size=256")  # fmt: skip
    list(run.train())
    test, labels = run.test(), run.split.test_labels
    assert test.outputs.shape == (2000, 10)
    np.testing.assert_allclose(test.outputs.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(test.wrong, np.argmax(test.outputs, axis=1) != labels)
    expected = -np.mean(np.log(test.outputs[np.arange(2000), labels]))
    assert test.cost == pytest.approx(expected, rel=1e-4)
    assert test.error_rate < 0.5  # 0.9 by chance


@pytest.mark.slow
@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_every_distribution_as_it_is_learns_zeros_from_ones(dist):
    run = trial(
        "data=mnist01", "data.pixel_divisor=255", "network.hidden=[84,102]", f"dist={dist}",
        "estimator=learned_feedback", "optimizer=adam", "batch_size=128", "cost=cross_entropy",
        "epochs=null", "forward_passes=30", "seed=77",
    )  # fmt: skip
    list(run.train())
    assert run.test().errors <= 5  # of 500; logistic regression gets 0 to 2, chance about 230
