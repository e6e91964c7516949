"""The command line: what a user starts, and what a user reads when it goes wrong."""

import logging
import math
import os
import sys
import traceback
from argparse import Action, ArgumentParser
from functools import partial

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from noise_exp import terminal
from noise_exp.errors import ReportedError, UserError, in_words, is_of_disk
from noise_exp.job import job
from noise_exp.job.build import build
from noise_exp.job.config import CONF_DIR
from noise_exp.job.config_errors import explained
from noise_exp.job.describe import SweepContext, describe
from noise_exp.job.launchers import end_on_signals, end_with
from noise_exp.redaction import redacted
from noise_exp.runs.secrets import check_arguments

_FULL_ERROR = "HYDRA_FULL_ERROR"

log = logging.getLogger(__name__)


def main() -> None:
    """Entry point of `python -m noise_exp` and of the script `noise-exp`."""
    terminal.steady()
    end_on_signals()
    asked_for_all = os.environ.get(_FULL_ERROR) == "1"  # as Hydra has it
    os.environ[_FULL_ERROR] = "1"  # else Hydra prints a traceback and exits by itself
    logging.raiseExceptions = False  # a log file on a full disk is no reason for a traceback
    _allow_lazy_help()
    try:
        here = os.getcwd()
        if here not in sys.path and not sys.flags.safe_path:
            sys.path.insert(0, here)  # as -m does: the user's own classes lie there
        check_arguments(sys.argv[1:])
        _task()
    except KeyboardInterrupt:
        sys.exit("noise_exp: interrupted")
    except Exception as error:
        message = _for_the_user(error) or f"noise_exp: {in_words(error)}"
        if isinstance(error, CompactHydraException):  # of a job of a sweep that has begun
            SweepContext.instance().broken = message
        sys.exit(redacted(traceback.format_exc() if asked_for_all else message))


@hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="config")
def _task(cfg: DictConfig) -> float:
    """Run one job; return its score for Hydra's sweepers (`Record.score`)."""
    terminal.steady()  # a worker's too
    hydra_cfg = HydraConfig.get()
    try:
        described = describe(cfg, hydra_cfg, SweepContext.instance())
        if described.in_sweep:
            end_with(described.sweep.pid, described.launcher)
        return job.run(described, partial(build, cfg, described.threads)).score
    except ReportedError:
        sys.exit(1)
    except Exception as error:
        message = _for_the_user(error)
        if hydra_cfg.mode != RunMode.MULTIRUN:  # from here, else Hydra adds a line of its own
            sys.exit(redacted(message or traceback.format_exc()))
        # The other jobs go on; the end of the sweep names this one and exits with an error.
        if message is None:
            log.exception("Job %s failed", hydra_cfg.job.num)
        return math.inf


def _allow_lazy_help() -> None:
    """Let Hydra make its parser on Python 3.14, where argparse checks a help as it is added.

    Hydra up to 1.3.8, its newest release, adds one that is no string before it is printed. The
    check is back as soon as that one has passed. All of this can go when the oldest Hydra that
    pyproject.toml allows adds strings alone.
    """
    check = getattr(ArgumentParser, "_check_help", None)  # argparse's own; no public way round it
    if check is None:
        return

    def check_strings(parser: ArgumentParser, action: Action) -> None:
        if isinstance(action.help, str | None):
            check(parser, action)
        else:
            ArgumentParser._check_help = check

    ArgumentParser._check_help = check_strings  # type: ignore[attr-defined]


def _for_the_user(error: Exception) -> str | None:
    """Say in one line what the user can mend; None for what is our own mistake."""
    mendable = isinstance(error, UserError | MemoryError) or is_of_disk(error)
    said = in_words(error) if mendable else explained(error)
    return said and f"noise_exp: {said}"
