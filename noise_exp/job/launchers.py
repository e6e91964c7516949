"""What each of Hydra's launchers needs and allows: cores, signals, packages to install."""

import _thread
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, read_write

from noise_exp.errors import UserError

_WATCH_SECONDS = 0.5
_LAST_SECONDS = 10.0  # that an interrupted worker may take to tell the store


def available() -> int:
    """Return the number of cores that this process may use, at least 1, as joblib counts them."""
    import joblib  # a tenth of a second that a command's help has no use for

    return joblib.cpu_count()


@dataclass(frozen=True)
class Launcher:
    """What a job has to know of what launched it.

    Attributes
    ----------
    serial
        Whether it is Hydra's own, which runs one job at a time in the launching process.
    submits
        Whether what its jobs are given stays on disk: submitit's files are not deleted.
    at_once
        How many jobs joblib runs at once, whose workers would outlive the launching process; None
        of another.
    """

    serial: bool
    submits: bool
    at_once: int | None


def kind_of(launcher: DictConfig) -> Launcher:
    """Return what the configuration `hydra.launcher` is."""
    serial = str(launcher._target_).endswith("BasicLauncher")
    at_once = None
    if "n_jobs" in launcher:  # as joblib counts: -1 is all cores, -2 all but one
        at_once = launcher.n_jobs if launcher.n_jobs > 0 else available() + 1 + launcher.n_jobs
    return Launcher(serial, "submitit_folder" in launcher, at_once and max(1, at_once))


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
    if at_once := kind_of(launcher).at_once:
        cores = available() // at_once
    elif "ray" in launcher:
        cores = int(launcher.ray.remote.get("num_cpus") or 1)
    elif "cpus_per_task" in launcher:
        cores = launcher.cpus_per_task or 1
    else:
        cores = available()
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # a number per level
    most = int(first) if first.isdecimal() else 0
    return max(1, min(cores, most or cores))


class Submitted:
    """Jobs that submitit submits from now on: they outlive the process that launches them."""

    def __init__(self, launcher: DictConfig) -> None:
        # Its jobs' folders are below what stands before %j, the job's id.
        self._folder = Path(launcher.get("submitit_folder", "").partition("%")[0])
        self._end = "scancel" if str(launcher._target_).endswith("SlurmLauncher") else "kill"
        self._tracked = kind_of(launcher).submits
        self._earlier = self._unfinished()

    def _unfinished(self) -> set[str]:
        files = self._folder.rglob("*_submitted.pkl") if self._tracked else ()
        jobs = {path.name.partition("_submitted")[0]: path for path in files}
        return {job for job, path in jobs.items() if not [*path.parent.glob(f"{job}_*_result.pkl")]}

    @property
    def ended_by(self) -> str:
        """The command that ends those that go on; empty if none does."""
        # Those of an array have one id, before the number of each.
        ids = {job.partition("_")[0] for job in self._unfinished() - self._earlier}
        return " ".join([self._end, *sorted(ids)]) if ids else ""


def prepare(config: DictConfig, jobs: int | None) -> None:
    """Let joblib start as many processes as there are jobs, and Ray join a cluster.

    Parameters
    ----------
    config
        Of the sweep, which has not begun.
    jobs
        How many it has, None where that is not known.

    Raises
    ------
    UserError
        If joblib would fail on what it is given.
    """
    launcher, sweeper = config.hydra.launcher, config.hydra.sweeper
    if launcher.get("n_jobs") == 0:
        raise UserError("hydra.launcher.n_jobs must be at least 1, or -1 for all cores, got 0")
    if at_once := kind_of(launcher).at_once:
        # A sweeper may launch so many at a time: Hydra's own, or a search.
        launched = jobs, sweeper.get("max_batch_size"), sweeper.get("n_jobs")
        most = min((n for n in launched if n), default=math.inf)
        if most < at_once:  # else the cores of those that are missing lie idle
            _set(config, "n_jobs", most)
    init = OmegaConf.select(launcher, "ray.init")
    if init is None:
        return
    if not init.get("address"):
        _set(config, "ray.init.address", "local")  # else Ray joins whatever cluster it finds
    elif init.address != "local" and "object_store_memory" not in init:
        # Ray's launcher would ask for memory that only a new cluster can give.
        _set(config, "ray.init.object_store_memory", None)


def _set(config: DictConfig, key: str, value: object) -> None:
    """Set a key of the launcher, for the sweep and for each job's configuration."""
    with read_write(config.hydra):
        OmegaConf.update(config, f"hydra.launcher.{key}", value, force_add=True)
        text = "null" if value is None else value
        config.hydra.overrides.hydra.append(f"++hydra.launcher.{key}={text}")


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
def end_with(pid: int, launcher: Launcher) -> None:
    """Interrupt this worker process on SIGTERM, and when what launched it dies, even by kill -9.

    submitit would pass SIGTERM over. joblib's workers would go on, and then wait forever for a
    next job; Ray's and submitit's are meant to outlive the process that launched them.
    """
    if launcher.submits:
        end_on_signals()
    if not launcher.at_once or os.getpid() == pid:
        return

    def watch() -> None:
        _await_end(pid)
        _interrupt()  # the run ends as KILLED
        time.sleep(_LAST_SECONDS)
        os._exit(1)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    _end_on_hang_up()
    threading.Thread(target=watch, daemon=True).start()


def _await_end(pid: int) -> None:
    """Return once the process has ended that launched this worker."""
    parent = multiprocessing.parent_process()
    if sys.platform == "win32" and parent:  # there the number of a dead parent stays
        parent.join()
    else:
        while os.getppid() == pid:
            time.sleep(_WATCH_SECONDS)


def _interrupt() -> None:
    if sys.platform == "win32":  # where os.kill ends a process at once
        _thread.interrupt_main()
    else:
        os.kill(os.getpid(), signal.SIGINT)
