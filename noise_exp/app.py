"""The command line: what a user starts, and what a user is told when it goes wrong."""

import errno
import logging
import os
import signal
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from noise_exp.errors import UserError
from noise_exp.records.results import Result
from noise_exp.run import job
from noise_exp.run.config import CONF_DIR

_FULL_ERROR = "HYDRA_FULL_ERROR"
_EXTRAS = {
    "joblib": "parallel",
    "ray": "ray",
    "submitit_local": "slurm",
    "submitit_slurm": "slurm",
}
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

log = logging.getLogger(__name__)


def main() -> None:
    """Entry point of `python -m noise_exp` and of the script `noise-exp`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends runs as Ctrl-C does
    asked_for_all = _FULL_ERROR in os.environ
    os.environ[_FULL_ERROR] = "1"  # else Hydra prints a traceback and exits by itself
    logging.raiseExceptions = False  # a log file on a full disk is no reason for a traceback
    try:
        _task()
    except KeyboardInterrupt:
        sys.exit("noise_exp: interrupted")
    except Exception as error:
        message = _for_the_user(error)
        if message is None or asked_for_all:
            raise
        sys.exit(message)


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")
def _task(cfg: DictConfig) -> float:
    """Run one job; return its score for Hydra's sweepers (`Result.score`)."""
    try:
        result = job.run(cfg)
    except Exception as error:
        message = _for_the_user(error)
        if HydraConfig.get().mode == RunMode.RUN:
            if message:
                sys.exit(message)
            raise
        # The other jobs go on; the end of the sweep names this one and exits with an error.
        if message is None:
            log.exception("Job %s failed", HydraConfig.get().job.num)
            message = f"{type(error).__name__}: {error}"
        message = message.removeprefix("noise_exp: ")
        result = Result(**job.identity(), letter=None, error=message)
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        result.save(folder)
    except OSError as error:
        log.error("The result cannot be written to %s: %s", folder, error.strerror)
    return result.score


def _for_the_user(error: Exception) -> str | None:
    """Say in one line what the user can mend; None for what is our own mistake."""
    if isinstance(error, UserError):
        return f"noise_exp: {error}"
    if isinstance(error, CompactHydraException):
        for launcher, extra in _EXTRAS.items():
            if f"Could not find 'hydra/launcher/{launcher}'" in str(error):
                return f"noise_exp: this launcher needs pip install 'noise-exp[{extra}]'"
        if "Could not find 'hydra/sweeper/optuna'" in str(error):
            return "noise_exp: this sweeper needs pip install 'noise-exp[tune]'"
        return "\n".join(str(e) for e in (error, error.__cause__) if e)
    if isinstance(error, OSError) and error.errno in _DISK:
        where = error.filename or "the output"
        return (
            f"noise_exp: {where} cannot be written ({error.strerror}); "
            "free some space or choose another folder"
        )
    if type(error).__name__ == "TerminatedWorkerError":  # joblib's, which may not be installed
        return "noise_exp: a worker process was killed from outside, perhaps for lack of memory"
    return None
