"""The article's numbers, against an independent port and its own figures."""

import re

import numpy as np
import pytest
from article_port import METHODS, replay
from support import LETTERS, ROOT, distribution_of

from noise_exp.training import ArticleStream, Distribution, Embedded, Network, Schedule, Trial


def run(option, seed, cache, hidden, epochs):
    """Train one method alone, as experiment=article does; return costs, test and train errors."""
    stream = ArticleStream(seed, epochs, cache)
    distribution = None if option == "backprop" else distribution_of(option)
    split = Embedded().split(stream.permutation, np.float64)
    trial = Trial(split, distribution, stream, hidden=hidden, schedule=Schedule(epochs))
    costs = np.array([record.cost for record in trial.train()])
    train_errors = round(
        len(split.train_labels) * trial.objective.evaluate(trial.trained).error_rate
    )
    return costs, trial.test().errors, train_errors


@pytest.fixture(scope="module", params=[0, 452, 2**32 - 1])
def port(request, zeros_and_ones):
    seed = request.param
    return seed, replay(*zeros_and_ones, seed, hidden=(12, 9), epochs=8)


@pytest.mark.parametrize("option", METHODS)
def test_every_method_alone_is_the_port(option, port, tmp_path):
    seed, expected = port
    costs, test_errors, train_errors = run(option, seed, tmp_path, (12, 9), 8)
    np.testing.assert_allclose(costs, expected[option][0], rtol=1e-6)
    assert (test_errors, train_errors) == expected[option][1:]


def test_any_order_and_any_cache_give_the_same(port, tmp_path):
    seed, expected = port
    for option in ("pareto", "beta", "weibull", "weibull", "gumbel"):
        costs, *_ = run(option, seed, tmp_path, (12, 9), 8)
        np.testing.assert_allclose(costs, expected[option][0], rtol=1e-6)
    states = sorted(tmp_path.iterdir())
    assert len(states) == 11  # one where each of b to l starts
    for i, state in enumerate(states):
        state.write_bytes(state.read_bytes()[: 100 * i])
    costs, *_ = run("weibull", seed, tmp_path, (12, 9), 8)
    np.testing.assert_allclose(costs, expected["weibull"][0], rtol=1e-6)


def test_a_cache_that_cannot_be_written_is_done_without(port, tmp_path):
    seed, expected = port
    (tmp_path / "file").write_text("not a folder")
    costs, *_ = run("gaussian", seed, tmp_path / "file" / "cache", (12, 9), 8)
    np.testing.assert_allclose(costs, expected["gaussian"][0], rtol=1e-6)


# The article's full network at its own seed. "Epoch 4" needs five epochs; gumbel and backprop
# draw no predecessor's noise, so their first epochs do not depend on how many follow.
@pytest.mark.parametrize(("option", "last"), [("gumbel", 0.1895), ("backprop", 0.0157)])
def test_the_articles_figures(tmp_path, option, last):
    costs, test_errors, _ = run(option, 452, tmp_path, (840, 1024), 5)
    assert costs[[0, 4]].round(4).tolist() == [0.5512, last]
    assert option == "gumbel" or test_errors == 0


def rows():
    """The fourteen rows of docs/article.md: letter, method, published, ours, difference, cost."""
    page = (ROOT / "docs/article.md").read_text("utf-8")
    lines = re.findall(r"^\| ([a-n]) \|(.*)\|$", page, re.M)
    return {letter: [cell.strip() for cell in cells.split("|")] for letter, cells in lines}


def test_the_page_has_every_method_under_its_letter():
    assert {cells[0]: letter for letter, cells in rows().items()} == LETTERS


@pytest.mark.slow
def test_the_published_numbers_come_out_again_as_the_page_has_them(tmp_path):
    stated = [cells for cells in rows().values() if cells[1] != "–"]
    assert [cells[:2] for cells in stated] == [["gumbel", "2"], ["beta", "2"], ["backprop", "0"]]
    for option, published, ours, difference, cost, _ in stated:
        costs, test_errors, _ = run(option, 452, tmp_path, (840, 1024), 100)
        assert [str(test_errors), f"{costs[-1]:.4f}"] == [ours, cost]
        assert int(ours) - int(published) == int(difference)


def test_a_distribution_that_is_not_the_articles_starts_after_the_last(tmp_path):
    network, draws = Network((3, 2, 1), np.float64), np.empty((4, 11))
    stream = ArticleStream(1, 2, tmp_path)
    last = stream.noise(Distribution("noncentral_chisquare", df=1.0, nonc=0.5), network)
    laplace = Distribution("laplace", loc=0.0, scale=1.0)
    for epoch in draws[:2]:  # then the generator stands behind method m
        last.fill(epoch)
    last.distribution = laplace
    last.fill(draws[2])
    stream.noise(laplace, network).fill(draws[3])
    np.testing.assert_array_equal(draws[2], draws[3])
