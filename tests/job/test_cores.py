"""A job takes no more threads than what its machine, its container and its user allow."""

import joblib
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from noise_exp.job import launchers
from noise_exp.job.config import CONF_DIR

SERIAL = OmegaConf.create({"_target_": "hydra.BasicLauncher"})
JOBLIB = OmegaConf.create({"_target_": "joblib", "n_jobs": 2})
SEARCH = "hydra/sweeper=optuna hydra.sweeper.n_jobs=16"  # so many trials at a time
SLURM = OmegaConf.create({"_target_": "submitit", "cpus_per_task": 8})


@pytest.mark.parametrize(
    ("overrides", "jobs", "processes", "threads"),
    [
        ("n_jobs=-1", 14, 14, 4),
        ("n_jobs=-1", 1, 1, 64),
        ("n_jobs=-2", 200, -2, 1),
        ("n_jobs=-60", 14, -60, 12),  # five at once, as it was asked for
        ("n_jobs=-1", None, -1, 1),
        ("n_jobs=-1 hydra.sweeper.max_batch_size=4", 14, 4, 16),
        (f"n_jobs=-1 {SEARCH}", 50, 16, 4),
        (f"n_jobs=-1 {SEARCH}", 5, 5, 12),
    ],
)
def test_joblib_starts_as_many_processes_as_jobs_and_each_has_its_share(
    monkeypatch, overrides, jobs, processes, threads
):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    asked = f"hydra/launcher=joblib hydra.launcher.{overrides}".split()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = compose("config", asked, return_hydra_config=True)
        launchers.prepare(config, jobs)
        assert config.hydra.launcher.n_jobs == processes
        loader = GlobalHydra.instance().config_loader()
        job = loader.load_sweep_config(config, ["seed=1"])  # as a worker does
    assert launchers.per_job(job.hydra.launcher) == threads


@pytest.mark.parametrize(
    ("cores", "said", "threads"),
    [(16, "3", (3, 3, 3)), (16, "6,2", (6, 6, 6)), (16, "99", (16, 8, 8)), (16, "0", (16, 8, 8)),
     (3, "many", (3, 1, 8)), (1, "", (1, 1, 8))],
)  # fmt: skip
def test_omp_num_threads_is_the_most_of_each_job(monkeypatch, cores, said, threads):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert tuple(map(launchers.per_job, (SERIAL, JOBLIB, SLURM))) == threads
