"""Diagnostics: angles worked out by hand, deltas by finite differences, training left as it was."""

import math
from dataclasses import replace

import numpy as np
import pytest
from oracles import material
from scipy.special import log_softmax, softmax
from support import distribution_of, trial

from noise_exp.training import Embedded, IndependentStreams, Schedule, Trial, loop
from noise_exp.training.diagnostics import diagnose
from noise_exp.training.estimators import Estimator
from noise_exp.training.estimators.feedback import FeedbackWeights
from noise_exp.training.network import CrossEntropy, Network
from noise_exp.training.objective import Objective

PRESETS = ("feedback_alignment", "direct_feedback_alignment", "learned_feedback", "kolen_pollack",
           "direct_kolen_pollack", "weight_mirror", "sign_symmetry")  # fmt: skip


@pytest.mark.parametrize(
    ("direct", "weights", "angles", "ratios"),
    [
        # Layer by layer against W2' = [[1, 0], [2, 1]] and W3' = [1, 1], of norms root 6 and 2.
        (False, ([[1, 0], [0, 0]], [[0, 5]]), (65.905157, 45.0), (1 / 6, 12.5)),
        (False, ([[-2, 0], [-4, -2]], [[1, 1]]), (180.0, 0.0), (4.0, 1.0)),
        # Straight from the outputs against (W2 W3)' = [3, 1] and W3' = [1, 1].
        (True, ([[1, 3]], [[1, -1]]), (53.130102, 90.0), (1.0, 1.0)),
    ],
)
def test_angles_and_norms_are_those_worked_out_by_hand(direct, weights, angles, ratios):
    network = Network((3, 2, 2, 1), np.float64)
    w = np.zeros(network.n_parameters)
    _, (second, _), (third, _) = network.views(w)
    second[:], third[:] = [[1, 2], [0, 1]], [[1], [1]]
    objective = Objective(network, np.eye(3), np.array([0, 1, 1]))
    state = Given(*(np.array(b, float) for b in weights), direct=direct)
    found = diagnose(objective, state, w)
    for layer, (angle, ratio) in enumerate(zip(angles, ratios, strict=True), 1):
        assert found[f"feedback_angle_{layer}"] == pytest.approx(angle, abs=1e-5)
        assert found[f"feedback_norm_ratio_{layer}"] ** 2 == pytest.approx(ratio)


def forward(network, w, images, labels, layer=None, shift=0.0):
    """The loss, and what goes into the units, with `shift` added to what goes into one layer."""
    below, sums = images, []
    for i, (weights, biases) in enumerate(network.views(w)):
        sums.append(below @ weights + biases + (shift if i == layer else 0))
        below = np.arctan(sums[-1])
    return -np.sum(log_softmax(sums[-1], axis=1)[np.arange(len(labels)), labels]), sums


@pytest.mark.parametrize("direct", [False, True])
def test_deltas_are_held_against_finite_differences(direct):
    network, w, images, labels = material(4)
    sizes, rng = network.sizes, np.random.default_rng(5)
    _, sums = forward(network, w, images, labels)
    exact = []
    for layer in range(2):
        exact.append(np.empty_like(sums[layer]))
        for place in np.ndindex(exact[layer].shape):
            shift = np.zeros_like(exact[layer])
            shift[place] = 1e-6
            up, down = (forward(network, w, images, labels, layer, s)[0] for s in (shift, -shift))
            exact[layer][place] = (up - down) / 2e-6
    output = softmax(sums[-1], axis=1) - np.eye(4)[labels]
    rows = (sizes[-1], sizes[-1]) if direct else sizes[2:]
    weights = [rng.normal(size=shape) for shape in zip(rows, sizes[1:-1], strict=True)]
    second = output @ weights[1] / (1 + sums[1] ** 2)
    first = (output if direct else second) @ weights[0] / (1 + sums[0] ** 2)
    found = diagnose(
        Objective(network, images, labels, cost=CrossEntropy()),
        Given(*weights, direct=direct),
        w,
    )
    for layer, (a, b) in enumerate(zip((first, second), exact, strict=True), 1):
        cosine = np.sum(a * b) / math.sqrt(np.sum(a**2) * np.sum(b**2))
        expected = math.degrees(math.acos(cosine))
        assert 20 < expected < 160
        assert found[f"delta_angle_{layer}"] == pytest.approx(expected, abs=1e-3)


def test_the_weights_themselves_have_no_angle_to_back_propagation():
    network, w, images, labels = material(4)
    true = [weights.T.copy() for weights, _ in network.views(w)[1:]]
    found = diagnose(Objective(network, images, labels), Given(*true, direct=False), w)
    assert list(found.values()) == pytest.approx([0, 0, 1] * 2, abs=1e-5)


def test_feedback_of_zeros_has_no_angle():
    network, w, images, labels = material(1)
    zeros = [np.zeros((1, n)) for n in network.sizes[1:-1]]
    found = diagnose(Objective(network, images, labels), Given(*zeros, direct=True), w)
    assert math.isnan(found["delta_angle_1"])
    assert math.isnan(found["feedback_angle_2"])
    assert found["feedback_norm_ratio_1"] == 0


def of_preset(preset, *more, threads=2):
    return trial("experiment=feedback", f"preset={preset}", "data=mnist01", "forward_passes=12",
                 "network.hidden=[12,9]", "batch_size=300", *more, threads=threads)  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_training_is_bit_for_bit_what_it_is_without(preset, monkeypatch):
    """And neither its work nor its clock runs on while the probe is looked at."""
    now, visit = [0.0], Objective.visit

    def late(*arguments, **options):
        now[0] += 1000.0
        return visit(*arguments, **options)

    monkeypatch.setattr(Objective, "visit", late)
    monkeypatch.setattr(loop, "perf_counter", lambda: now[0])
    results = []
    for asked in ("diagnostics=false", "diagnostics=true"):
        ready = of_preset(preset, asked)
        records = list(ready.train())
        plain = [replace(record, diagnostics={}) for record in records]
        results.append((plain, ready.parameters.tobytes()))
    assert results[0] == results[1]
    assert now[0] == 2000.0 * len(records)
    assert [len(record.diagnostics) for record in records] == [6] * len(records)


@pytest.mark.parametrize("preset", PRESETS)
def test_any_number_of_threads_finds_the_same(preset):
    one, three = (
        [record.diagnostics for record in of_preset(preset, "diagnostics=true", threads=n).train()]
        for n in (1, 3)
    )
    assert one == three
    assert one[0] != one[-1]


class Given(FeedbackWeights, Estimator):
    """An estimator of one's own, whose feedback weights are given."""

    def __init__(self, *weights, direct=True):
        super().__init__(direct)
        self.weights = list(weights)

    def init(self, objective):  # noqa: ARG002
        return self

    def renew(self, objective, parameters, noise):
        pass


@pytest.mark.parametrize("test_size", [1500, 2000])  # which leaves 615 images, 115 images
def test_the_probe_is_the_first_512_training_images_whatever_the_batches(test_size):
    streams = IndependentStreams(1, 1, 1)
    split = Embedded(test_size=test_size, pixel_divisor=255.0).split(streams.permutation)
    own = Given(np.linspace(-1, 1, 6, dtype=np.float32)[None])
    ready = Trial(
        split, distribution_of("gumbel"), streams, estimator=own, hidden=[6],
        schedule=Schedule(2, batch_size=40), diagnostics=True,
    )  # fmt: skip
    for record in ready.train():
        kept = split.train_images[:512], split.train_labels[:512]
        # Of the network with all its inputs, those included that are dark in every image.
        expected = diagnose(Objective(ready.network, *kept), own, ready.parameters)
        assert record.diagnostics == pytest.approx(expected, rel=1e-4)
