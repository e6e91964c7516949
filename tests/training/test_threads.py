"""`threads` changes the time and never the result; dead pixels change nothing at all."""

import itertools

import numpy as np
import pytest
from support import trial
from threadpoolctl import threadpool_info

from noise_exp.training.data import live_pixels
from noise_exp.training.network import Network, row_groups
from noise_exp.training.objective import Objective
from noise_exp.training.workers import Workers

SMALL = ("network.hidden=[96,128]", "epochs=5")
ARTICLES = ("network.hidden=[840,1024]", "epochs=3")
OPTIONS = itertools.product(
    ["gumbel", "zipf", "backprop"], ["independent", "article"], ["float32", "float64"], [SMALL]
)


@pytest.mark.parametrize(
    ("option", "stream", "dtype", "size"),
    [*OPTIONS, *((o, "independent", "float32", ARTICLES) for o in ("standard_normal", "backprop"))],
)
def test_any_number_of_threads_gives_the_same_bits(
    option, stream, dtype, size, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    results = []
    for threads in (1, 2, 3, 8):
        run = trial(*size, f"dist={option}", f"dtype={dtype}", f"stream={stream}", threads=threads)
        costs = [(r.cost, r.train_error_rate) for r in run.train()]
        results.append((costs, run.parameters.tobytes(), run.test().outputs.tobytes()))
    assert results[0] == results[1] == results[2] == results[3]


@pytest.mark.parametrize("n", [1, 63, 64, 1023, 1024, 2095, 4096, 60_000])
def test_groups_hold_every_image_once_in_order(n):
    groups = row_groups(n)
    rows = [i for group in groups for block in group for i in range(block.start, block.stop)]
    assert rows == list(range(n))
    assert len(groups) <= 8
    assert max(b.stop - b.start for group in groups for b in group) <= 768


@pytest.mark.parametrize("n", [5, 700, 3000, 9000])
def test_blocks_change_cost_and_gradient_by_rounding_alone(n):
    rng = np.random.default_rng(n)
    network = Network((7, 6, 5, 1), np.float64)
    w = rng.normal(size=network.n_parameters)
    images, labels = rng.normal(size=(n, 7)), rng.integers(0, 2, n)
    whole = np.empty_like(w)
    evaluation = Objective(network, images, labels, Workers(2)).gradient(w, whole)
    outputs = network.outputs(w, images)[:, 0]
    assert evaluation.cost == pytest.approx(np.mean((outputs - labels) ** 2), rel=1e-12)
    assert evaluation.error_rate == np.mean(np.rint(outputs) != labels)
    added, part = np.zeros_like(w), np.empty_like(w)
    for i in range(n):
        Objective(network, images[i : i + 1], labels[i : i + 1]).gradient(w, part)
        added += part
    np.testing.assert_allclose(whole, added, rtol=1e-9, atol=1e-9)


def test_dead_pixels_change_nothing_but_their_own_weights():
    run = trial(*SMALL, threads=2)
    live = live_pixels(run.split)
    assert 0 < live.sum() < 784
    assert not np.vstack([run.split.train_images, run.split.test_images])[:, ~live].any()
    before = run.parameters.copy()
    costs = [r.cost for r in run.train()]
    (w1, _), *_ = run.network.views(run.parameters)
    (w1_before, _), *_ = run.network.views(before)
    np.testing.assert_array_equal(w1[~live], w1_before[~live])
    assert (w1[live] != w1_before[live]).any(axis=1).all()
    # The network of all 784 inputs, with any weights on the dead ones, costs the same.
    objective = Objective(run.network, run.split.train_images, run.split.train_labels)
    assert objective.evaluate(before).cost == pytest.approx(costs[0], rel=1e-5)
    trained = objective.evaluate(run.parameters).cost
    w1[~live] = 1e3
    assert objective.evaluate(run.parameters).cost == trained
    again = trial(*SMALL, "epochs=6", threads=2)
    assert [r.cost for r in again.train()][5] == pytest.approx(trained, rel=1e-5)


def test_a_pixel_that_lives_in_a_test_image_alone_is_kept():
    run = trial()
    run.split.train_images[:, 0] = run.split.test_images[:, 0] = 0
    assert not live_pixels(run.split)[0]
    run.split.test_images[3, 0] = 1
    assert live_pixels(run.split)[0]


def test_the_articles_stream_moves_the_weights_of_dead_pixels_too(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = trial(*SMALL, "stream=article", "dtype=float64")
    before = run.parameters.copy()
    list(run.train())
    assert (run.parameters != before).all()


def test_workers_keep_order_raise_and_pass_on_the_error_state():
    workers = Workers(3)
    assert workers.map(lambda i: i * i, range(100)) == [i * i for i in range(100)]
    assert workers.map(len, []) == []
    with pytest.raises(ZeroDivisionError):
        workers.map(lambda i: 1 / (i - 7), range(20))
    assert workers.map(len, ["still", "works"]) == [5, 5]
    big = np.full(1000, 1e38, np.float32)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        workers.map(lambda _: big * big, range(50))


def test_blas_has_one_thread_inside_and_its_own_number_outside():
    def blas_threads(_=None):
        return {m["num_threads"] for m in threadpool_info() if m["user_api"] == "blas"}

    outside = blas_threads()
    assert set().union(*Workers(2).map(blas_threads, range(8))) == {1}
    assert blas_threads() == outside
