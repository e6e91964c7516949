"""The studies' sweeps: experiments that can be run, each into a folder that the page reads."""

import pytest
from hydra import compose, initialize_config_dir
from support import ROOT

from noise_exp.job.build import build
from noise_exp.job.config import CONF_DIR
from noise_exp.sweep import plan

CONF = ROOT / "studies" / "conf"
EXPERIMENTS = sorted(
    str(path.relative_to(CONF / "experiment").with_suffix(""))
    for path in (CONF / "experiment").rglob("*.yaml")
)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_first_job_of_each_sweep_can_be_trained(experiment):
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        asked = [f"hydra.searchpath=[file://{CONF}]", f"experiment={experiment}"]
        config = compose("config", asked, return_hydra_config=True)
        config.hydra.overrides.task.append(asked[1])
        params = config.hydra.sweeper.params
        if "+long" in params:  # the search path of this test is not that of a glob
            params["+long"] = "spsa"
        trial = build(compose("config", [asked[0], *plan.sweep(config).first]))
    assert next(trial.train()).forward_passes > 0
    study, name = experiment.split("/")
    folder = config.hydra.sweep.dir.removeprefix("multirun/")
    assert folder.startswith(f"{study.removesuffix('_search')}/")
    assert name.split("_")[0] in folder or name in folder.replace("/", "_")
