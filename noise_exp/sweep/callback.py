"""Hydra's events, handed on."""

import atexit
import logging
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from noise_exp.errors import Enough, UserError, at_the_edge
from noise_exp.sweep import ending, plan
from noise_exp.sweep.folders import check_folder
from noise_exp.sweep.sweep import Sweep

log = logging.getLogger(__name__)


class SweepCallback(Callback):
    """Runs in the launching process; Hydra makes one per command.

    Hydra turns exceptions of callbacks into warnings, so what must stop a command exits.
    """

    def __init__(self) -> None:
        self._sweep: Sweep | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the sweep behind: Hydra sends its callbacks to every job."""
        return {"_sweep": None}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Exit if the output folder is not free for output, or if this is a dry run."""
        with at_the_edge("noise_exp"):
            if config.dry_run:
                plan.tell(config, plan.single(config))
            check_folder(config, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Begin the sweep."""
        with at_the_edge("noise_exp"):
            try:
                self._sweep = Sweep.begin(config)
            except (UserError, Enough):
                raise
            except Exception as error:  # Hydra would go on without us, and track nothing
                log.debug("The sweep cannot start", exc_info=True)
                raise UserError(
                    f"the sweep cannot start: {type(error).__name__}: {error}"
                ) from error
        atexit.register(self._abandon)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ARG002
        """End the sweep; exit 1 if a job failed."""
        if self._sweep:
            with at_the_edge("noise_exp"):
                self._sweep.end(ending.finish)

    def _abandon(self) -> None:
        if self._sweep and not self._sweep.ended:
            self._sweep.abandon()
