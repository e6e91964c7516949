"""Methods are named by what tells them apart, and by no more."""

from noise_exp.records.naming import name_methods
from noise_exp.records.record import Record


def test_names_of_methods():
    base = {"dist": "gumbel", "dist.scale": "1", "optimizer": "vanilla", "optimizer.lr": "0.03",
            "seed": "1", "seeds.init": "1", "estimator": "cost_scaled"}  # fmt: skip
    other = {**base, "dist": "backprop", "estimator": "exact_gradient"}
    assert name_methods([base, other, {**base, "seed": "2"}]) == ["gumbel", "backprop", "gumbel"]
    adam = {**base, "optimizer": "adam", "optimizer.lr": "0.001"}
    assert name_methods([base, adam]) == ["gumbel optimizer=vanilla", "gumbel optimizer=adam"]
    faster = {**base, "optimizer.lr": "0.1"}
    assert name_methods([base, faster])[1] == "gumbel optimizer.lr=0.1"


def test_what_an_estimator_does_to_the_noise_names_a_method_where_it_varies():
    signed = {"dist": "beta", "estimator": "learned_feedback", "noise_transform": "sign"}
    as_drawn = {"dist": "beta", "estimator": "es", "noise_transform": "none"}
    assert name_methods([signed, as_drawn]) == [
        "beta estimator=learned_feedback", "beta estimator=es"
    ]  # fmt: skip
    ranked = {**signed, "noise_transform": "rank"}
    assert name_methods([signed, ranked])[1] == "beta noise_transform=rank"
    earlier = {"dist": "beta", "estimator": "learned_feedback", "estimator.repair": "rank"}
    assert Record("", params=earlier).asked.params == ranked


def test_a_run_that_was_not_built_is_told_from_one_that_was():
    built = {"dist": "gumbel", "optimizer": "vanilla", "optimizer.lr": "0.1"}
    failed = {"dist": "gumbel", "optimizer.lr": "-1"}
    assert name_methods([built, failed]) == ["gumbel optimizer.lr=0.1", "gumbel optimizer.lr=-1"]
    assert name_methods([built, {"dist": "gumbel", "optimizer.lr": "0.1"}]) == ["gumbel"] * 2
