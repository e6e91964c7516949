"""How many cores a job of a sweep may use, by the launcher that runs it."""

import os

from omegaconf import DictConfig


def available() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # what a container or a scheduler allows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def per_job(launcher: DictConfig) -> int:
    """Return the cores of one job, at least 1, read on the machine that runs it.

    Parameters
    ----------
    launcher
        The configuration `hydra.launcher`. joblib divides the machine among `n_jobs`; Ray and
        Slurm give each job what was asked for, `ray.remote.num_cpus` or `cpus_per_task`, else
        one core; Hydra's own launcher runs one job at a time.
    """
    if "n_jobs" in launcher:
        return max(1, available() // jobs_at_once(launcher))
    if "ray" in launcher:
        return max(1, int(launcher.ray.remote.get("num_cpus") or 1))
    if "cpus_per_task" in launcher:
        return launcher.cpus_per_task or 1
    return available()


def jobs_at_once(launcher: DictConfig) -> int:
    """Return how many jobs joblib runs at once; as it counts: -1 is all cores, -2 all but one."""
    jobs = launcher.n_jobs
    return jobs if jobs > 0 else max(1, available() + 1 + jobs)
