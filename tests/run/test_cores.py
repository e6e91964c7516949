"""A job takes no more threads than what its machine, its container and its user allow."""

import pytest
from omegaconf import OmegaConf

from noise_exp.run import launchers

SERIAL = OmegaConf.create({"_target_": "hydra.BasicLauncher"})
JOBLIB = OmegaConf.create({"_target_": "joblib", "n_jobs": 2})
SLURM = OmegaConf.create({"_target_": "submitit", "cpus_per_task": 8})


def a_machine(folder, own, **files):
    (folder / "proc/self").mkdir(parents=True)
    (folder / "proc/self/cgroup").write_text(own)
    for name, text in files.items():
        path = folder / "sys/fs/cgroup" / name.replace("__", "/").replace("0", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return launchers.quota(folder)


NESTED = "0::/user/me\n"
OLD = "4:memory:/x\n3:cpuset:/\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n"


@pytest.mark.parametrize(
    ("own", "files", "cores"),
    [
        ("0::/\n", {"cpu0max": "50000 100000\n"}, 0.5),
        ("0::/\n", {"cpu0max": "max 100000\n"}, float("inf")),
        (NESTED, {"user__me__cpu0max": "max 100000\n", "user__cpu0max": "350000 100000\n"}, 3.5),
        (NESTED, {"user__me__cpu0max": "100000 100000", "user__cpu0max": "350000 100000"}, 1.0),
        ("0::/elsewhere\n", {"cpu0max": "300000 100000\n"}, 3.0),  # seen from inside a container
        (OLD, {"cpu,cpuacct__cpu0cfs_quota_us": "250000\n",
               "cpu,cpuacct__cpu0cfs_period_us": "100000\n"}, 2.5),
        (OLD, {"cpu__docker__ab__cpu0cfs_quota_us": "20000\n",
               "cpu__docker__ab__cpu0cfs_period_us": "10000\n"}, 2.0),
        (OLD, {"cpu__cpu0cfs_quota_us": "-1\n", "cpu__cpu0cfs_period_us": "10000\n"},
         float("inf")),
        ("0::/\n", {"cpu0max": "what\n"}, float("inf")),
        ("", {}, float("inf")),
    ],
)  # fmt: skip
def test_a_containers_quota_is_seen(tmp_path, own, files, cores):
    assert a_machine(tmp_path, own, **files) == cores


@pytest.mark.parametrize(("quota", "cores"), [(0.5, 1), (1.99, 1), (2.5, 2), (float("inf"), 16)])
def test_cores_are_rounded_down_to_one_at_least(monkeypatch, quota, cores):
    monkeypatch.setattr(launchers.os, "sched_getaffinity", lambda _: set(range(16)))
    monkeypatch.setattr(launchers, "quota", lambda: quota)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert launchers.available() == cores
    assert launchers.per_job(SERIAL) == cores
    assert launchers.per_job(JOBLIB) == max(1, cores // 2)


@pytest.mark.parametrize(
    ("said", "threads"),
    [("3", (3, 3, 3)), ("1", (1, 1, 1)), ("6,2", (6, 6, 6)), ("99", (16, 8, 8)),
     ("", (16, 8, 8)), ("0", (16, 8, 8)), ("many", (16, 8, 8))],
)  # fmt: skip
def test_omp_num_threads_is_the_most_of_each_job(monkeypatch, said, threads):
    monkeypatch.setattr(launchers, "available", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert tuple(map(launchers.per_job, (SERIAL, JOBLIB, SLURM))) == threads
