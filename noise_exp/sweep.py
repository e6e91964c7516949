"""A Hydra callback that makes a multirun one thing: parent run, comparison, summary."""

import atexit
import logging
import sys
import time
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from noise_exp.console import print_table
from noise_exp.errors import UserError
from noise_exp.experiment import Experiment
from noise_exp.results import Result, load_results

_ROOM = 1 << 16  # bytes that must fit: Hydra's own files and a result

log = logging.getLogger(__name__)


class SweepCallback(Callback):
    """Runs in the launching process; Hydra makes one per command.

    Hydra turns exceptions of callbacks into warnings, so what must stop a command exits.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._parent: Any = None
        self._store: Any = None

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Exit if the output folder cannot be written."""
        _check_folder(Path(config.hydra.run.dir), "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the folder and the first job's configuration, then start the parent run."""
        folder = Path(config.hydra.sweep.dir)
        try:
            first = _first_job(config)
            if first is not None:
                Experiment(first)
            _check_folder(folder, "hydra.sweep.dir")
            if config.tracking.enabled:
                self._start_parent(config, folder)
        except UserError as error:
            sys.exit(f"noise_exp: {error}")

    def _start_parent(self, config: DictConfig, folder: Path) -> None:
        from noise_exp.tracking import Store  # not before it is needed: it takes a second

        self._store = Store(config.tracking.uri, config.tracking.experiment)
        overrides = " ".join(config.hydra.overrides.task)
        self._parent = self._store.start_sweep(str(folder), f"sweep {overrides}".strip())
        atexit.register(self._abandon)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare the runs, in the terminal and on the parent run; exit 1 if a job failed."""
        folder = Path(config.hydra.sweep.dir)
        try:
            results = load_results(folder)
            self._compare(results, folder, config)
        except Exception:
            log.exception("The comparison could not be made; the runs and %s are kept", folder)
            sys.exit(1)
        failed = [r for r in results if r.error]
        if failed:
            log.error("%d of %d jobs failed:", len(failed), len(results))
            for result in failed:
                log.error("  job %d (%s): %s", result.job, _named(result), result.error)
            sys.exit(1)

    def _abandon(self) -> None:
        """End the parent of a sweep that was interrupted, for which Hydra has no event."""
        if self._parent and not self._parent.ended:
            self._parent.end("KILLED")

    def _compare(self, results: list[Result], folder: Path, config: DictConfig) -> None:
        from noise_exp import report

        table = report.comparison(results)
        text = report.readable(table)
        print_table(text, "Comparison of the methods")
        table.to_csv(folder / "comparison.csv", index=False)
        (folder / "comparison.md").write_text(report.markdown(text))
        pictures = report.article_figures(results)
        for name, figure in pictures.items():
            figure.savefig(folder / name, dpi=120)
        print(f"Table and figures: {folder}")
        if self._parent is None:
            return
        command = " ".join(f"'{o}'" for o in config.hydra.overrides.task)
        self._parent.note(
            f"{len(results)} runs, {report.headline(table)}. Repeat with\n\n"
            f"    python -m noise_exp -m {command}\n\n{report.markdown(text)}"
        )
        self._parent.log_text(table.to_csv(index=False), "comparison.csv")
        self._parent.log_text(report.markdown(text), "comparison.md")
        for name in pictures:
            self._parent.log_file(folder / name)
        self._parent.log_metrics(
            {"runs": len(results), "sweep_seconds": time.perf_counter() - self._started}
        )
        failed = any(r.error for r in results)
        self._parent.end("FAILED" if failed else "FINISHED")
        print(f"Browse and compare the runs: {self._store.ui_hint()}")


def _named(result: Result) -> str:
    return " ".join(result.overrides) or result.dist


def _check_folder(folder: Path, key: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        try:
            probe.write_bytes(bytes(_ROOM))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        sys.exit(
            f"noise_exp: the output folder {folder} cannot be written "
            f"({error.strerror}); set {key} to another folder"
        )


def _first_job(config: DictConfig) -> DictConfig | None:
    """Compose the first job of the sweep; None where only the sweeper knows it."""
    sweeper = config.hydra.sweeper
    if not str(sweeper._target_).endswith("BasicSweeper"):
        return None
    loader = GlobalHydra.instance().config_loader()
    arguments = [f"{k}={v}" for k, v in (sweeper.params or {}).items()]
    arguments += list(config.hydra.overrides.task)
    first = []
    for override in OverridesParser.create(config_loader=loader).parse_overrides(arguments):
        if override.is_sweep_override() and not override.is_discrete_sweep():
            return None
        value = (
            next(override.sweep_string_iterator())
            if override.is_sweep_override()
            else override.get_value_element_as_str()
        )
        first.append(f"{override.get_key_element()}={value}")
    return loader.load_sweep_config(config, first)
