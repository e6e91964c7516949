"""An estimator of one's own goes through the protocol of the presets, and stands beside them."""

import textwrap

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from support import split, table_rows

from studies import results
from studies.digits8 import Digits8

MODULE = """
    from dataclasses import dataclass

    from noise_exp.training.estimators import Stateless


    @dataclass(frozen=True)
    class OneSided(Stateless):
        scale: float

        def estimate(self, objective, parameters, noise, out):
            here = objective.known or objective.evaluate(parameters)
            noise.fill(out)
            there = objective.evaluate(parameters + self.scale * out)
            out *= (here.loss - there.loss) / self.scale
            return here


    class Broken(OneSided):
        def estimate(self, objective, parameters, noise, out):
            return 1 / 0
"""


@pytest.fixture
def compare(cli):
    (cli.folder / "my_module.py").write_text(textwrap.dedent(MODULE))
    return lambda *arguments: cli(*arguments, "--results", "results", module="studies.compare")


def test_digits_of_8_by_8_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = split(Digits8(list(range(10)), test_size=400, pixel_divisor=16.0))
    assert digits.train_images.shape == (1397, 64)
    whole = np.concatenate([digits.train_images, digits.test_images])
    assert np.sum(whole) * 16 == np.sum(load_digits().data)
    assert whole.max() == 1


def test_an_estimator_of_ones_own_stands_beside_the_presets(cli, compare):
    shallow = [40, 41, 39, 40, 42]
    results.merge(
        cli.folder / "results" / "compare.csv",
        pd.DataFrame({"cell": cell, "seed": str(seed), "errors": wrong, "images": 400}
                     for cell in ("digits8/1/shallow", "digits8/300/backprop")
                     for seed, wrong in enumerate(shallow, 1)),
    )  # fmt: skip
    space = "estimator.scale=tag(log, interval(1e-3, 1e-1))"
    few = ("--passes", "1", "--trials", "2", "--seeds", "5")
    done = compare("my_module.OneSided", space, "noise_transform=sign", *few)
    assert done.returncode == 0, done.stderr
    trials = results.read(cli.folder / "results" / "compare_search.csv")
    runs = results.read(cli.folder / "results" / "compare.csv")
    assert list(trials.cell) == [
        *["digits8/1/my_module.OneSided"] * 2,
        *["mnist10/1/my_module.OneSided"] * 2,
    ]
    assert list(trials.images) == [300] * 2 + [2000] * 2
    best = trials[trials.cell == "digits8/1/my_module.OneSided"].sort_values("errors").iloc[0]
    own = runs[runs.cell == "digits8/1/my_module.OneSided"]
    assert list(own.seed) == list("12345")
    assert set(own["noise_transform"]) == {"sign"}
    (scale,) = set(own["estimator.scale"])
    assert float(scale) == pytest.approx(float(best["estimator.scale"]), rel=0.05)

    (head, _, *rows) = table_rows(done.stdout.rpartition("digits8")[2].strip())
    # Not what had other passes, of which it is said that there is nothing.
    assert [row[0] for row in rows] == ["shallow", "my_module.OneSided"]
    assert "learned_feedback, backprop on digits8 at forward_passes=1" in done.stdout
    more = (own.errors.to_numpy() - shallow) / 4
    low, high = stats.ttest_1samp(more, 0).confidence_interval(0.95)  # of one comparison
    written = f"{more.mean():+.2f} ± {(high - low) / 2:.2f}: higher"
    assert rows[1][head.index("minus shallow, points")] == written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["my_module.Missing"], "module 'my_module' has no attribute 'Missing'"),
        (["my_module.Broken", "estimator.scale=0.1"], "fails: ZeroDivisionError: division by zero"),
        (["my_module.OneSided", "estimator.scal=1"], "Key 'scal' not in 'OneSided'"),
        (["my_module.OneSided", "estimator.scale=tag(log"], "input 'tag(log'"),
    ],
)
def test_what_cannot_be_compared_is_reported_in_one_line(compare, arguments, words):
    done = compare(*arguments)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
