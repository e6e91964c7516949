"""What each of Hydra's launchers needs and allows: cores, signals, packages to install."""

import math
import os
import signal
import threading
import time
from functools import cache
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from noise_exp.errors import UserError

# Hydra's plugin: the extra that installs it.
EXTRAS = {
    "launcher/joblib": "parallel",
    "launcher/ray": "ray",
    "launcher/submitit_local": "slurm",
    "launcher/submitit_slurm": "slurm",
    "sweeper/optuna": "tune",
}
_WATCH_SECONDS = 0.5
_LAST_SECONDS = 10.0  # that an interrupted worker may take to tell the store


def available() -> int:
    """Return the number of cores that this process may use, at least 1."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # what a container or a scheduler allows
        cores = len(os.sched_getaffinity(0))
    return max(1, int(min(cores, quota())))


def quota(system: Path = Path("/")) -> float:
    """Return how many cores' time the control groups of this process give it (docker --cpus).

    Infinite where they set no limit. A group's limit holds for all below it.
    """
    least = math.inf
    for line in _lines(system / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = system / "sys/fs/cgroup" / controllers
        if controllers and not root.is_dir():
            root = root.with_name("cpu")
        # A container sees its own group as the root, whatever its path is called outside.
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                least = min(least, _limit(folder))
    return least


def _limit(group: Path) -> float:
    """Return a control group's cores: of version 2 in one file, of version 1 in two."""
    text = _lines(group / "cpu.max") or [
        " ".join(_lines(group / f"cpu.cfs_{what}_us")[:1] or ["max"])
        for what in ("quota", "period")
    ]
    try:
        allowed, period = map(int, " ".join(text).split())
    except ValueError:  # "max", or none
        return math.inf
    return allowed / period if allowed > 0 and period > 0 else math.inf


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def is_serial(launcher: DictConfig) -> bool:
    """Whether it is Hydra's own launcher, which runs one job at a time in this process."""
    return str(launcher._target_).endswith("BasicLauncher")


def per_job(launcher: DictConfig) -> int:
    """Return the threads of one job, at least 1, read on the machine that runs it.

    `OMP_NUM_THREADS` is the most that a process may have.

    Parameters
    ----------
    launcher
        The configuration `hydra.launcher`. joblib divides the machine among `n_jobs`; Ray and
        Slurm give each job what was asked for, `ray.remote.num_cpus` or `cpus_per_task`, else
        one core; Hydra's own launcher runs one job at a time.
    """
    return max(1, int(min(_cores_per_job(launcher), _most_threads())))


def _cores_per_job(launcher: DictConfig) -> int:
    if "n_jobs" in launcher:
        return available() // jobs_at_once(launcher)
    if "ray" in launcher:
        return int(launcher.ray.remote.get("num_cpus") or 1)
    if "cpus_per_task" in launcher:
        return launcher.cpus_per_task or 1
    return available()


def _most_threads() -> float:
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]  # a number per level
    return int(first) if first.strip().isdecimal() and int(first) > 0 else math.inf


def jobs_at_once(launcher: DictConfig) -> int:
    """Return how many jobs joblib runs at once; as it counts: -1 is all cores, -2 all but one."""
    jobs = launcher.n_jobs
    return jobs if jobs > 0 else max(1, available() + 1 + jobs)


def keeps_what_it_sends(launcher: DictConfig) -> bool:
    """Whether what its jobs are told stays on disk: submitit's files are not deleted."""
    return "submitit_folder" in launcher


def prepare(launcher: DictConfig) -> None:
    """Let Ray join a cluster, before the sweep.

    Raises
    ------
    UserError
        If joblib is told what it would stumble over.
    """
    if launcher.get("n_jobs") == 0:
        raise UserError("hydra.launcher.n_jobs must be at least 1, or -1 for all cores, got 0")
    init = OmegaConf.select(launcher, "ray.init")
    if init is None:
        return
    with open_dict(init):
        if not init.get("address"):
            init.address = "local"  # else Ray joins whatever cluster it finds on this machine
        elif init.address != "local":
            # Ray's launcher would ask for memory that only a new cluster can give.
            init.setdefault("object_store_memory", None)


def end_on_signals() -> None:
    """Let SIGTERM and a terminal's hang-up end runs as Ctrl-C does; under nohup not the latter."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _end_on_hang_up()


def _end_on_hang_up() -> None:
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _hang_up)


def _hang_up(*_: object) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal and its shell may both send one
    raise KeyboardInterrupt


@cache
def end_with(pid: int) -> None:
    """Interrupt this worker process on SIGTERM, and when what launched it dies, even by kill -9.

    submitit would pass SIGTERM over. joblib's workers would go on, and then wait forever for a
    next job; Ray's and submitit's are meant to outlive the process that launched them.
    """
    launcher = HydraConfig.get().launcher
    if keeps_what_it_sends(launcher):
        end_on_signals()
    if "n_jobs" not in launcher or os.getpid() == pid:
        return

    def watch() -> None:
        while os.getppid() == pid:
            time.sleep(_WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGINT)  # the run ends as KILLED
        time.sleep(_LAST_SECONDS)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    _end_on_hang_up()
    threading.Thread(target=watch, daemon=True).start()
