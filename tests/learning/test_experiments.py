"""The studies' sweeps are experiments that can be run."""

import itertools
from contextlib import contextmanager

import pytest
from hydra import compose, initialize_config_dir
from support import ROOT, options

from noise_exp.job.build import build
from noise_exp.job.config import CONF_DIR
from noise_exp.sweep import plan

CONF = ROOT / "studies" / "conf"
EXPERIMENTS = sorted(
    str(path.relative_to(CONF / "experiment").with_suffix(""))
    for path in (CONF / "experiment").rglob("*.yaml")
)


@contextmanager
def composing(experiment):
    """An experiment of the studies: what composes it with overrides, and its configuration."""
    asked = [f"hydra.searchpath=[file://{CONF}]", f"experiment={experiment}"]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("config", asked, return_hydra_config=True)
        config.hydra.overrides.task.append(asked[1])
        yield lambda job: compose("config", [asked[0], *job]), config


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_first_job_of_each_sweep_can_be_trained(experiment):
    with composing(experiment) as (composed, config):
        trial = build(composed(plan.sweep(config).first))
    assert next(trial.train()).forward_passes > 0
    assert config.hydra.sweep.dir.startswith("multirun/")


def test_every_sampler_meets_three_estimators_as_it_is_and_with_signs():
    estimators = {
        "learned_feedback": "LearnedFeedback",
        "node_perturbation_blind": "NodePerturbation",
        "spsa": "Spsa",
    }
    dists = {*options("dist")} - {"backprop"} | {f"more/{name}" for name in options("dist/more")}
    seeds = map(str, range(1, 11))
    asked = [*itertools.product(estimators, ("none", "sign"), dists, seeds)]
    with composing("every_sampler") as (composed, config):
        jobs = [dict(o.split("=") for o in job) for job in plan.sweep(config).jobs]
        keys = "preset", "noise_transform", "dist", "seed"
        assert sorted(tuple(job[key] for key in keys) for job in jobs) == sorted(asked)
        for job in {(j["preset"], j["noise_transform"]): j for j in jobs}.values():
            cfg = composed([f"{key}={value}" for key, value in job.items()])
            assert cfg.noise_transform.name == job["noise_transform"]  # not what the preset sets
            assert cfg.estimator._target_.endswith(f".{estimators[job['preset']]}")
            assert (cfg.forward_passes, cfg.epochs) == (30, None)
