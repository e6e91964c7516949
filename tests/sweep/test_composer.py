"""A job's configuration is Hydra's own, whichever way it was composed."""

import pickle

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from noise_exp.job.config import CONF_DIR
from noise_exp.sweep.callback import Composer

pytestmark = pytest.mark.slow

SWEEPS = {
    "seeds": ["dist=beta seed=1", "dist=beta seed=2", "dist=gumbel seed=2"],
    "one seed of three": ["seeds.init=1 seeds.noise=2", "seeds.init=3 seeds.noise=4"],
    "other order": ["seed=1 epochs=2", "epochs=2 seed=1", "epochs=7 seed=3"],
    "rates": ["optimizer.lr=0.1", "optimizer.lr=1e-3", "optimizer.lr=2"],
    "kinds of number": ["batch_size=3", "batch_size=null", "resume=true", "resume=false"],
    "an option and its keys": ["optimizer=adam optimizer.lr=1", "optimizer=vanilla"],
    "added": ["++dist.scale=1 seed=1", "++dist.scale=2 seed=1", "+x.y=1", "+x.y=2"],
    "removed": ["~dist.scale seed=1", "seed=1"],
    "a dictionary": ["dist.scale=3 dist={scale:1}", "dist.scale=4 dist={scale:2}"],
    "one key twice": ["seed=1 seed=2", "seed=2 seed=1"],
    "a number and none": ["batch_size=3 batch_size=null", "batch_size=null batch_size=3"],
    "a list and its part": ["network.hidden.0=3 network.hidden=[4,4]",
                            "network.hidden=[4,4] network.hidden.0=3"],
    "Hydra's": ["hydra.verbose=true seed=1", "hydra.sweep.subdir=x seed=2"],
    "lists": ["network.hidden=[4,4] seed=1", "network.hidden=[5,5] seed=2"],
    "an experiment": ["experiment=article seed=1", "experiment=article seed=2"],
    "what does not fit": ["seed=2", "seed=0.5", "seed=true", "no_such_key=1", "dist=none seed=3"],
}  # fmt: skip


@pytest.fixture(scope="module")
def loaders():
    """Hydra's loader, ours, and the configuration of the sweep."""
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        master = hydra.compose_config(
            "config",
            ["hydra.job.config.override_dirname.exclude_keys=[dist]"],
            RunMode.MULTIRUN,
            with_log_configuration=False,
        )
        loader = hydra.config_loader
        yield loader, Composer(loader), master


def outcome(loader, master, job):
    """What a loader makes of a job, or says of it."""
    try:
        config = loader.load_sweep_config(master, job.split())
    except CompactHydraException as error:
        return str(error)
    made = OmegaConf.to_container(config), OmegaConf.is_struct(config)
    config.hydra.job.num = config.epochs = 99  # what a job does to its own is no other's matter
    return made


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=SWEEPS)
def test_every_job_is_composed_as_hydra_does(loaders, sweep):
    theirs, ours, master = loaders
    expected = {job: outcome(theirs, master, job) for job in sweep}
    for job in [*sweep, *sweep[::-1]]:
        assert outcome(ours, master, job) == expected[job]


def test_what_is_composed_from_files_once_is_not_composed_again(loaders, monkeypatch):
    theirs, _, master = loaders
    ours, composed, real = Composer(theirs), [], theirs.load_sweep_config
    monkeypatch.setattr(
        theirs, "load_sweep_config", lambda *given: composed.append(given) or real(*given)
    )
    seeds = [f"dist=beta seed={seed}" for seed in range(9)]
    others = ["dist=beta", "network.hidden=[4]", "dist={scale:3}"]
    for job in 2 * (seeds + others):  # they are checked before, and launched
        outcome(ours, master, job)
    assert len(composed) == 1 + len(others)


def test_a_job_has_the_time_of_its_sweep(loaders):
    _, ours, master = loaders
    for job in (["seed=1"], ["dist=beta"]):
        OmegaConf.clear_cache(master)
        ours.load_sweep_config(master, job)
        folder = master.hydra.sweep.dir  # to the microsecond, of now
        assert ours.load_sweep_config(master, job).hydra.sweep.dir == folder


def test_it_travels_to_a_worker_light_and_whole(loaders):
    theirs, _, master = loaders
    ours = Composer(theirs)
    before = len(pickle.dumps(ours))
    made = outcome(ours, master, "seed=2")
    sent = pickle.dumps(ours)
    assert len(sent) == before
    assert outcome(pickle.loads(sent), master, "seed=2") == made
