"""Hydra's events, handed on."""

import atexit
import contextlib
import gc
import logging
from collections.abc import Iterator
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from noise_exp.errors import Enough, UserError, at_the_edge, in_words
from noise_exp.redaction import redacted
from noise_exp.run.config_errors import explained
from noise_exp.run.context import check_choices
from noise_exp.sweep import asked, ending, plan
from noise_exp.sweep.composer import Composer
from noise_exp.sweep.folders import check_folder
from noise_exp.sweep.sweep import Sweep

log = logging.getLogger(__name__)


@contextlib.contextmanager
def _edge(failure: str) -> Iterator[None]:
    """Exit by anything that is raised: Hydra would warn of it and go on without us."""
    with at_the_edge("noise_exp"):
        try:
            yield
        except (UserError, Enough):
            raise
        except Exception as error:
            if said := explained(error):
                raise UserError(said) from None
            log.debug("%s", failure, exc_info=True)
            words = " ".join(redacted(in_words(error)).split())
            raise UserError(f"{failure}: {words}") from error


class SweepCallback(Callback):
    """Runs in the launching process; Hydra makes one per command.

    Hydra turns exceptions of callbacks into warnings, so every one of them exits.
    """

    def __init__(self) -> None:
        self._sweep: Sweep | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the sweep behind: Hydra sends its callbacks to every job."""
        return {"_sweep": None}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Exit if the output folder is not free for output, or if this is a dry run."""
        with _edge("this run cannot start"):
            check_choices(config)
            asked.check(config)
            asked.hint_at_sweep(config)
            if config.dry_run:
                plan.tell(config, plan.single(config))
            check_folder(config, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Begin the sweep."""
        with _edge("the sweep cannot start"):
            asked.check(config, sweeps=True)
            hydra: Any = GlobalHydra.instance().hydra
            hydra.config_loader = Composer(hydra.config_loader)
            self._sweep = Sweep.begin(config)
        gc.freeze()  # all that is imported: each job makes enough garbage to have it searched
        atexit.register(self._abandon)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ARG002
        """End the sweep; exit 1 if a job failed."""
        if self._sweep:
            with _edge("the sweep could not be ended"):
                self._sweep.end(ending.finish)

    def _abandon(self) -> None:
        if self._sweep and not self._sweep.ended:
            self._sweep.abandon()
