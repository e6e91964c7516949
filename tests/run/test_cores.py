"""A job takes no more threads than what its machine, its container and its user allow."""

import joblib
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from noise_exp.run import launchers
from noise_exp.run.config import CONF_DIR

SERIAL = OmegaConf.create({"_target_": "hydra.BasicLauncher"})
JOBLIB = OmegaConf.create({"_target_": "joblib", "n_jobs": 2})
SEARCH = ("/sweeper=optuna", ".sweeper.n_jobs=16")  # so many trials at a time
SLURM = OmegaConf.create({"_target_": "submitit", "cpus_per_task": 8})


@pytest.mark.parametrize(("cores", "threads"), [(1, (1, 1)), (3, (3, 1)), (16, (16, 8))])
def test_cores_are_those_that_joblib_counts(monkeypatch, cores, threads):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert tuple(map(launchers.per_job, (SERIAL, JOBLIB))) == threads


def test_a_limit_of_the_user_counts(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert launchers.available() == 1


@pytest.mark.parametrize(
    ("overrides", "jobs", "processes", "threads"),
    [
        ([".launcher.n_jobs=-1"], 14, 14, 4),
        ([".launcher.n_jobs=-1"], 3, 3, 21),
        ([".launcher.n_jobs=-1"], 1, 1, 64),
        ([".launcher.n_jobs=-2"], 200, -2, 1),
        ([".launcher.n_jobs=-60"], 14, -60, 12),  # five at once, as it was asked for
        ([".launcher.n_jobs=8"], 14, 8, 8),
        ([".launcher.n_jobs=100"], 14, 14, 4),
        ([".launcher.n_jobs=-1"], None, -1, 1),
        ([".launcher.n_jobs=-1", ".sweeper.max_batch_size=4"], 14, 4, 16),
        ([".launcher.n_jobs=-1", *SEARCH, ".sweeper.n_trials=50"], 50, 16, 4),
        ([".launcher.n_jobs=-1", *SEARCH, ".sweeper.n_trials=5"], 5, 5, 12),
    ],
)
def test_joblib_starts_as_many_processes_as_jobs_and_each_has_its_share(
    monkeypatch, overrides, jobs, processes, threads
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = ["hydra/launcher=joblib", *(f"hydra{override}" for override in overrides)]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("config", asked, return_hydra_config=True)
        launchers.prepare(config, jobs)
        assert config.hydra.launcher.n_jobs == processes
        loader = GlobalHydra.instance().config_loader()
        job = loader.load_sweep_config(config, ["seed=1"])  # as a worker does
    assert launchers.per_job(job.hydra.launcher) == threads


@pytest.mark.parametrize(
    ("said", "threads"),
    [("3", (3, 3, 3)), ("1", (1, 1, 1)), ("6,2", (6, 6, 6)), ("99", (16, 8, 8)),
     ("", (16, 8, 8)), ("0", (16, 8, 8)), ("many", (16, 8, 8))],
)  # fmt: skip
def test_omp_num_threads_is_the_most_of_each_job(monkeypatch, said, threads):
    monkeypatch.setattr(launchers, "available", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert tuple(map(launchers.per_job, (SERIAL, JOBLIB, SLURM))) == threads
