"""The theory: formulas against independent oracles, claims that hold, and broken ones that fail."""

import math
import re

import numpy as np
import pytest
from support import ROOT

from noise_exp.report.intervals import Interval
from noise_exp.training.network import Network
from noise_exp.training.noise import ARTICLE_DISTRIBUTIONS, Distribution
from noise_exp.training.optimizers import Vanilla
from studies.theory import descent, intervals, memory, saturation, schedule
from studies.theory.claims import Check, Effort
from studies.theory.registry import CLAIMS
from studies.theory.setting import (
    FINITE_DISTRIBUTIONS,
    Images,
    article_trial,
    hessian_diagonal,
    initial,
    network_for,
    zeros_and_ones,
)

pytestmark = pytest.mark.slow

QUICK = Effort(quick=True, seed=0)


@pytest.mark.parametrize(
    ("predicted", "sense", "rival", "verdict"),
    [
        (1.0, "=", None, "holds"),
        (1.0, "=", 3.0, "holds"),
        (1.0, "=", 1.2, "undecided"),
        (2.0, "=", None, "fails"),
        (0.4, ">", None, "holds"),
        (1.0, ">", None, "undecided"),
        (2.0, ">", None, "fails"),
        (2.0, "<", None, "holds"),
        (1.0, "<", None, "undecided"),
        (0.4, "<", None, "fails"),
    ],
)
def test_the_interval_gives_the_verdict(predicted, sense, rival, verdict):
    assert Check("", predicted, Interval(1.0, 0.5, 1.5), sense, rival).verdict == verdict


def test_what_is_not_finite_decides_nothing():
    assert Check("", 1.0, Interval(math.nan, math.nan, math.nan)).verdict == "undecided"
    assert Check("", 1.0, Interval(1.0, -math.inf, math.inf)).verdict == "undecided"


def test_intervals_miss_as_rarely_as_they_say():
    rng = np.random.default_rng(1)
    missed = {"mean": 0, "share": 0, "median": 0, "bootstrap": 0}
    for i in range(150):
        sample = rng.standard_normal(60)
        measured = {
            "mean": (0.0, intervals.mean(sample)),
            "share": (0.5, intervals.share(int(np.sum(sample > 0)), len(sample))),
            "median": (0.0, intervals.median(sample)),
        }
        if i < 30:
            measured["bootstrap"] = (0.0, intervals.bootstrap((sample,), np.mean, i))
        for name, (truth, interval) in measured.items():
            missed[name] += not interval.low <= truth <= interval.high
    # Misses of 1%: more than 7 of 150 has a probability below 1e-4.
    assert max(missed.values()) <= 7


def test_a_mean_foretells_the_sign_of_a_small_step():
    rng = np.random.default_rng(0)
    slope = rng.standard_normal(400) + 0.15
    for distribution, draw in (("gumbel", rng.gumbel), ("normal", rng.standard_normal)):
        down = np.mean([slope @ draw(size=400) < 0 for _ in range(20_000)])
        assert descent.share_down(slope, distribution) == pytest.approx(down, abs=0.015)
    assert descent.share_down(slope, "normal") == 0.5
    assert descent.share_down(slope, "gumbel") < 0.3 < 0.7 < descent.share_down(-slope, "gumbel")


def test_a_distribution_above_zero_drifts_towards_one():
    assert saturation.share_of_ones(np.zeros((3, 4)), 0) == 0.5
    rng = np.random.default_rng(0)
    nets, cost = 4000, 0.4
    weights = 0.2 * rng.standard_normal((nets, 1024))
    for _ in range(4):
        weights += 0.03 * 0.01 * cost * rng.pareto(1, (nets, 1024))
    z = np.pi / 2 * weights.sum(axis=1) + 0.2 * rng.standard_normal(nets)
    share = saturation.share_of_ones(np.full((60, 4), cost), 1)
    assert share == pytest.approx(np.mean(z > 0), abs=0.03)


def test_arctan_kernel_is_an_expectation():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((2, 1_000_000))
    for var, rho in ((1.0, 0.3), (9.0, 0.9), (200_000.0, 0.98), (200_000.0, 1.0)):
        u = math.sqrt(var) * z[0]
        v = math.sqrt(var) * (rho * z[0] + math.sqrt(1 - rho**2) * z[1])
        expected = np.mean(np.arctan(u) * np.arctan(v))
        assert memory.arctan_kernel(var, var, rho * var) == pytest.approx(expected, abs=0.005)
    saturated = memory.arctan_kernel(1e8, 1e8, 0.5e8)
    assert saturated == pytest.approx(math.pi / 2 * math.asin(0.5), rel=0.005)


def test_movement_by_the_articles_schedule():
    rates = np.where(np.arange(100) < 4, 0.03, 0.0001)
    flat = np.full(100, 0.5)

    def ratio(distribution):
        after = schedule.movement(flat[4:], rates[4:], distribution)
        return after / schedule.movement(flat[:4], rates[:4], distribution)

    assert ratio("normal") == pytest.approx(math.sqrt(96) * 1e-4 / (2 * 0.03))
    gamma, variance = 0.5772156649, math.pi**2 / 6
    after = gamma**2 * 0.0096**2 + variance * 96e-8
    assert ratio("gumbel") == pytest.approx(
        math.sqrt(after / (gamma**2 * 0.12**2 + variance * 36e-4))
    )


@pytest.mark.parametrize("name", list(FINITE_DISTRIBUTIONS))
def test_distributions_have_the_moments_the_theory_uses(name):
    draws = Distribution(name, **ARTICLE_DISTRIBUTIONS[name]).sample(
        np.random.default_rng(0), 400_000
    )
    oracle = FINITE_DISTRIBUTIONS[name]
    error = oracle.std() / math.sqrt(400_000)
    assert np.mean(draws) == pytest.approx(oracle.mean(), abs=5 * error)
    assert np.var(draws) == pytest.approx(oracle.var(), rel=0.02)


def test_second_derivatives_are_those_of_the_cost():
    rng = np.random.default_rng(0)
    images = Images(rng.random((5, 3)), np.array([0, 1, 1, 0, 1]))
    objective = images.objective(Network((3, 4, 1), np.float64))
    parameters = rng.standard_normal(objective.network.n_parameters)
    here = objective.evaluate(parameters).cost
    diagonal = hessian_diagonal(objective, parameters)
    for j in (0, 7, len(parameters) - 1):
        step = np.zeros_like(parameters)
        step[j] = 1e-4
        ahead, back = (objective.evaluate(parameters + s * step).cost for s in (1, -1))
        assert diagonal[j] == pytest.approx((ahead + back - 2 * here) / 1e-8, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", ["schedule", "stalled", "clock", "memory"])
def test_cheap_claims_hold(name):
    verdicts = {check.what: check.verdict for check in CLAIMS[name].test(QUICK).checks}
    assert verdicts == dict.fromkeys(verdicts, "holds")


def _drifts(self, parameters, direction, moment):
    del moment
    parameters += self.lr * np.abs(direction)


def _never_drops(self, parameters, direction, moment):
    del moment
    direction *= self.lr
    parameters += direction


@pytest.mark.parametrize(
    ("name", "owner", "attribute", "broken"),
    [
        ("schedule", Vanilla, "step", _never_drops),
        ("clock", Vanilla, "step", _drifts),
    ],
)
def test_a_broken_program_fails_its_claim(monkeypatch, name, owner, attribute, broken):
    monkeypatch.setattr(owner, attribute, broken)
    assert CLAIMS[name].test(QUICK).verdict == "fails"


def test_the_article_is_trained_on_the_network_of_all_its_images():
    images = zeros_and_ones()
    trial = article_trial("normal", 3, 2, images=60, hidden=(4, 4))
    assert trial.objective.network.sizes == network_for(images, 4, 4).sizes
    np.testing.assert_array_equal(trial.parameters, initial(trial.network, 3))
    objective = images.take(60).objective(trial.network)
    (first, _), expected = trial.train(), objective.evaluate(initial(trial.network, 3))
    assert first.cost == expected.cost


def test_the_page_tells_of_every_claim():
    docs = ROOT / "docs"
    text = (docs / "theory.md").read_text()
    table = (docs / "results" / "theory" / "claims.md").read_text()
    for name in CLAIMS:
        assert f'<a id="{name}"></a>' in text
        assert f"](results/theory/{name}.png)" in text
        assert (docs / "results" / "theory" / f"{name}.png").stat().st_size < 80_000
        assert f"| [{name}](#{name}) |" in table
    rows = table.splitlines()[2:]
    assert all(row.endswith("| holds |") for row in rows)
    places = set(re.findall(r"\]\(#([a-z_]+)\)", text))
    assert places <= set(CLAIMS)
