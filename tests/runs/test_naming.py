"""Methods are named by what tells them apart, and by no more."""

import pytest

from noise_exp.runs.naming import name_methods
from noise_exp.runs.record import Record

BASE = {"dist": "gumbel", "dist.scale": "1", "optimizer": "vanilla", "optimizer.lr": "0.03",
        "seed": "1", "seeds.init": "1", "estimator": "cost_scaled"}  # fmt: skip
SIGNED = {"dist": "beta", "estimator": "learned_feedback", "noise_transform": "sign"}
RANKED = SIGNED | {"noise_transform": "rank"}
UNBUILT = {"dist": "gumbel", "optimizer.lr": "-1"}
BUILT = {"dist": "gumbel", "optimizer": "vanilla", "optimizer.lr": "0.1"}


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        (BASE, BASE | {"seed": "2", "seeds.init": "2"}, ["gumbel", "gumbel"]),
        (BASE, BASE | {"dist": "backprop", "estimator": "exact_gradient"}, ["gumbel", "backprop"]),
        (BASE, BASE | {"optimizer": "adam", "optimizer.lr": "0.001"},
         ["gumbel optimizer=vanilla", "gumbel optimizer=adam"]),
        (BASE, BASE | {"optimizer.lr": "0.1"},
         ["gumbel optimizer.lr=0.03", "gumbel optimizer.lr=0.1"]),
        (SIGNED, SIGNED | {"estimator": "es", "noise_transform": "none"},
         ["beta estimator=learned_feedback", "beta estimator=es"]),
        (SIGNED, RANKED, ["beta noise_transform=sign", "beta noise_transform=rank"]),
        (BUILT, UNBUILT, ["gumbel optimizer.lr=0.1", "gumbel optimizer.lr=-1"]),
        (BUILT, UNBUILT | {"optimizer.lr": "0.1"}, ["gumbel", "gumbel"]),
    ],
)  # fmt: skip
def test_methods_are_named_by_what_varies(one, other, names):
    assert name_methods([one, other]) == names


def test_params_of_earlier_versions_have_their_new_names():
    earlier = {"dist": "beta", "estimator": "learned_feedback", "estimator.repair": "rank"}
    assert Record("", params=earlier).asked.params == RANKED
