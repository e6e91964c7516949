"""The network and its objective: outputs, gradients and costs are the formulas, and stay exact."""

import numpy as np
import pytest
from oracles import material, problem

from noise_exp.training.network import Network, SquaredError, misclassified
from noise_exp.training.trained import Trained


def test_cost_is_the_mean_squared_error_and_a_measure_is_a_forward_pass():
    objective, w, loss = problem(1, SquaredError)
    evaluation = objective.evaluate(w)
    assert evaluation.cost == pytest.approx(2 * loss(w) / len(objective))
    assert objective.forward_passes == 1


def test_saturated_outputs_are_exact_and_quiet():
    network, w, images, _ = material(1)
    w3, b3 = network.views(w)[-1]
    w3[:], b3[:] = 0, [-1e6]
    with np.errstate(all="raise", under="ignore"):
        assert (network.outputs(w, images) == 0).all()


def test_an_output_that_is_not_a_number_is_wrong():
    outputs = np.array([[0.2], [0.8], [0.2], [np.nan], [np.nan]])
    assert misclassified(outputs, np.array([0, 1, 1, 0, 1])).tolist() == [
        False, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("pixel_divisor", [1.0, 255.0, 0.5])
@pytest.mark.parametrize("n_out", [1, 3])
def test_what_is_kept_of_training_predicts_the_same(tmp_path, n_out, pixel_divisor):
    rng = np.random.default_rng(1)
    network = Network((5, 4, n_out), np.float32)
    parameters = rng.normal(size=network.n_parameters).astype(np.float32)
    classes, pixels = np.array([3, 7, 4])[: max(n_out, 2)], rng.normal(size=(20, 5))
    Trained(network, parameters, classes, pixel_divisor).save(tmp_path / "network.npz")
    labels, found = Trained.load(tmp_path / "network.npz").predict(pixels)
    outputs = network.outputs(parameters, (pixels / pixel_divisor).astype(np.float32))
    expected = np.hstack([1 - outputs, outputs]) if n_out == 1 else outputs
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert labels.tolist() == classes[np.argmax(expected, axis=1)].tolist()
