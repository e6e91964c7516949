"""A Hydra callback that makes a multirun one thing: parent run, comparison, summary."""

import atexit
import dataclasses
import logging
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from noise_exp.errors import UserError
from noise_exp.records.facts import Facts, masked
from noise_exp.records.journal import Journal
from noise_exp.records.results import Result, load_results
from noise_exp.run.build import build
from noise_exp.run.context import SweepContext
from noise_exp.run.fingerprint import source_digest
from noise_exp.sweep import plan
from noise_exp.sweep.progress import SweepProgress
from noise_exp.writing.console import duration, print_table
from noise_exp.writing.tables import markdown_of

if TYPE_CHECKING:  # matplotlib and pandas, which only the end of a sweep needs
    from noise_exp.sweep.comparison import Summary

_ROOM = 1 << 16  # bytes that must fit: Hydra's own files and a result
_HASTE = 2.0  # seconds that an interrupted sweep may still take to be delivered
_NAME_LENGTH = 250  # of a run, in the databases that MLflow uses
_NOTE_LENGTH = 7500  # MLflow's limit for a tag is 8000 characters

log = logging.getLogger(__name__)


class SweepCallback(Callback):
    """Runs in the launching process; Hydra makes one per command.

    Hydra turns exceptions of callbacks into warnings, so what must stop a command exits.
    """

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._folder = Path()
        self._patience = 0.0
        self._journal: Journal | None = None
        self._store: Any = None
        self._courier: Any = None
        self._progress: SweepProgress | None = None
        self._finished: dict[str, Result] = {}
        self._searched: list[str] | None = None  # settings that the sweeper chooses by their score

    def __getstate__(self) -> dict[str, Any]:
        """Leave threads and locks behind: Hydra sends its callbacks to every job."""
        return {}

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Exit if the output folder cannot be written, or if this is a dry run."""
        if config.dry_run:
            self._rehearse(config, plan.single(config))
        _check_folder(Path(config.hydra.run.dir), "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the folder and the first job's configuration, then start the parent run."""
        self._folder = Path(config.hydra.sweep.dir)
        self._patience = config.tracking.patience
        try:
            _prepare_launcher(config.hydra.launcher)
            planned = plan.sweep(config)
            if planned.first is not None:
                build(plan.compose(config, planned.first))
            self._searched = planned.searched
            SweepContext.instance().total = planned.total
            if config.resume and not config.tracking.enabled:
                raise UserError(
                    "resume=true looks for finished runs in the tracking store; "
                    "set tracking.enabled=true"
                )
            if config.dry_run:
                self._rehearse(config, planned)
            _check_folder(self._folder, "hydra.sweep.dir")
            self._start(config)
        except UserError as error:
            sys.exit(f"noise_exp: {error}")
        except Exception as error:  # Hydra would go on without us, and nothing would be tracked
            log.debug("The sweep cannot start", exc_info=True)
            sys.exit(f"noise_exp: the sweep cannot start: {type(error).__name__}: {error}")

    @staticmethod
    def _rehearse(config: DictConfig, planned: plan.Plan) -> None:
        """Say what would be run, and exit."""
        try:
            plan.tell(config, planned)
        except UserError as error:
            sys.exit(f"noise_exp: {error}")
        sys.exit()

    def _start(self, config: DictConfig) -> None:
        """Begin the sweep's own record and run, and tell the jobs of it."""
        context = SweepContext.instance()
        overrides = " ".join(config.hydra.overrides.task)
        facts = Facts(
            masked(f"sweep {overrides}").strip()[:_NAME_LENGTH],
            {
                "kind": "sweep",
                "sweep": str(self._folder),
                "mlflow.source.type": "LOCAL",
                "mlflow.source.name": _command(),
            },
        )
        if config.tracking.enabled:
            from noise_exp.tracking import Courier, Store, reason, user  # takes a second

            self._store = Store(config.tracking.uri, config.tracking.experiment)
            if config.resume:
                self._find_finished(context)
            context.uri, context.experiment_id = self._store.uri, self._store.experiment_id
            facts.uri, facts.experiment_id = masked(context.uri), context.experiment_id
            facts.tags["mlflow.user"] = user()
        self._journal = Journal.start(self._folder, facts)
        atexit.register(self._abandon)
        if self._store:
            self._courier = Courier(self._journal, context.uri)
            try:
                self._courier.first()
            except Exception as error:
                self._journal.end("FAILED")
                raise UserError(
                    f"the tracking store {facts.uri} takes no run: {reason(error)}"
                ) from None
            context.parent_id = self._journal.facts.run_id
        context.uid, context.pid = facts.uid, os.getpid()
        self._progress = SweepProgress(self._folder, facts.uid, context.total)
        self._progress.start()

    def _find_finished(self, context: SweepContext) -> None:
        context.alive = self._store.bury_the_dead()
        self._finished = self._store.finished(source_digest())
        context.finished = {
            fingerprint: (result.run_id or "", result.score)
            for fingerprint, result in self._finished.items()
        }

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:  # noqa: ARG002
        """Compare the runs, in the terminal and on the parent run; exit 1 if a job failed."""
        assert self._journal
        assert self._progress
        self._progress.stop()
        try:
            self._deliver_owed()
            results = self._results()
            failed = [r for r in results if r.error]
            self._compare(results)
        except Exception:
            log.exception(
                "The comparison could not be made; the runs and %s are kept", self._folder
            )
            self._end("FAILED")
            sys.exit(1)
        self._end("FAILED" if failed else "FINISHED")
        if self._store:
            print(f"Browse and compare the runs:\n    {self._store.browse}")
        if failed:
            log.error("%d of %d jobs failed:", len(failed), len(results))
            for result in failed:
                log.error("  job %d (%s): %s", result.job, _named(result), result.error)
            if self._store:
                log.error("Run just those again with\n    %s", _command(resume=True))
            sys.exit(1)

    def _end(self, status: str) -> None:
        assert self._journal
        self._journal.end(status)
        if self._courier:
            self._courier.close(self._patience)
        self._journal.release()

    def _abandon(self) -> None:
        """End the parent of a sweep that was interrupted, for which Hydra has no event."""
        if self._journal is None or self._journal.facts.status != "RUNNING":
            return
        if self._progress:
            self._progress.stop()
        self._patience = min(self._patience, _HASTE)
        self._deliver_owed()
        self._end("KILLED")
        if self._store:
            log.error("Run what is missing with\n    %s", _command(resume=True))

    def _deliver_owed(self) -> None:
        """Deliver what jobs owe whose store was away, or whose process was killed."""
        if not self._store:
            return
        owed = {f: "" for f in Journal.find(self._folder) if f != self._folder}
        deadline = time.monotonic() + self._patience
        while owed := {folder: why for folder in owed if (why := self._owes(folder))}:
            if time.monotonic() >= deadline:
                log.warning(
                    "The tracking store does not know all of %d runs (%s). Deliver it with\n"
                    "    python -m noise_exp.tracking sync %s",
                    len(owed),
                    next(iter(owed.values())),
                    self._folder,
                )
                return
            time.sleep(1)

    def _owes(self, folder: Path) -> str | None:
        """Try to deliver; say why something is still owed."""
        from noise_exp.tracking import reason, sync

        try:
            if Journal.load(folder).facts.uri != masked(self._store.uri):
                return None  # another store's, from an earlier sweep in this folder
            return "still alive" if sync(folder, self._store.uri) == "alive" else None
        except Exception as error:
            return reason(error)

    def _results(self) -> list[Result]:
        """Return what every job ended with: from its folder, or from the store if that is all.

        A job on another machine may have left its folder there.
        """
        assert self._journal
        results = {r.job: r for r in load_results(self._folder, self._journal.facts.uid)}
        if not self._store:
            return list(results.values())
        from noise_exp.tracking import reason

        earlier = {r.run_id: r for r in self._finished.values()}
        for number, result in results.items():
            if result.reused:  # the job knew no more than the run's id
                unread = f"finished as run {result.run_id}, which could not be read"
                base = earlier.get(result.run_id) or dataclasses.replace(result, error=unread)
                results[number] = dataclasses.replace(
                    base, job=number, overrides=result.overrides, reused=True
                )
        parent_id = self._journal.facts.run_id
        try:
            for found in (*self._store.children(parent_id), *self._store.reused(parent_id)):
                results.setdefault(found.job, found)
            for number, result in results.items():
                if result.reused and result.run_id not in earlier:  # it was waited for
                    results[number] = dataclasses.replace(
                        self._store.result(result.run_id),
                        job=number, overrides=result.overrides, reused=True,
                    )  # fmt: skip
            without = [r for r in results.values() if r.reused or (not r.sweep and not r.error)]
            for result in self._store.with_costs(without):
                results[result.job] = result
        except Exception as error:
            log.warning(
                "The tracking store could not be read (%s): the comparison lacks what is not in %s",
                reason(error),
                self._folder,
            )
        return [results[number] for number in sorted(results)]

    def _compare(self, results: list[Result]) -> None:
        from noise_exp.sweep import comparison as report
        from noise_exp.sweep import study

        assert self._journal
        summary = (
            report.compared(results)
            if self._searched is None
            else study.summary(results, self._searched)
        )
        print_table(summary.table, summary.title)
        files = {**summary.files, "runs.csv": report.runs(results).to_csv(index=False)}
        for name, content in files.items():
            (self._folder / name).write_text(content)
        for name, figure in summary.pictures.items():
            figure.savefig(self._folder / name, dpi=120)
        if summary.advice:
            print(summary.advice)
        print(f"Table and figures: {self._folder}")
        facts = self._journal.facts
        facts.files = [*files, *summary.pictures]
        if self._searched is None:
            facts.files += self._report(results)
        facts.tags |= {**summary.tags, "mlflow.note.content": self._note(results, summary)}
        facts.series = {key: list(values) for key, values in summary.series.items()}
        facts.metrics = {
            **summary.metrics,
            "runs": len(results),
            "reused": sum(r.reused for r in results),
            "sweep_seconds": time.perf_counter() - self._started,
        }
        print(f"{len(results)} runs in {duration(facts.metrics['sweep_seconds'])}")

    def _report(self, results: list[Result]) -> list[str]:
        """Write the report on methods and luck; return its files. It never fails a sweep."""
        from noise_exp.report import build, words, write
        from noise_exp.sweep import gather

        assert self._journal
        facts = self._journal.facts
        try:
            uri = self._store.uri if self._store else None
            records = gather.of_sweep(
                self._folder, facts.start_time, results, uri, facts.experiment_id
            )
            report = build.build(records)
            files = write.write(report, self._folder, facts.name, _command())
        except Exception as error:
            log.debug("The report could not be made", exc_info=True)
            log.warning(
                "The report could not be made (%s: %s)%s",
                type(error).__name__,
                error,
                f"; try python -m noise_exp.report {facts.run_id}" if facts.run_id else "",
            )
            return []
        for said in (*words.findings(report), *report.unsaid):
            print(f"- {said}")
        print(f"Report: {self._folder / write.PAGE}")
        return files

    def _note(self, results: list[Result], summary: "Summary") -> str:
        """Return the parent's description: what was swept, the winner, how to repeat it."""
        from noise_exp.sweep import comparison

        swept = " ".join(comparison.swept(results)) or "one configuration"
        note = f"Swept {swept}: {len(results)} runs, {summary.headline}. Repeat with\n\n"
        note += f"    {_command()}\n\n{summary.advice}\n{markdown_of(summary.table)}"
        if len(note) > _NOTE_LENGTH:
            note = note[: note.rfind("\n", 0, _NOTE_LENGTH)]
            note += f"\n\nThe rest: {', '.join(summary.files)}\n"
        links = [f"[{_named(r)}]({self._store.link(r.run_id)})" for r in results if r.reused]
        if links:
            note += "\nReused from earlier sweeps (all in runs.csv):\n"
            while links and len(note) + len(links[0]) < _NOTE_LENGTH:
                note += f"\n- {links.pop(0)}"
        return note


def _command(resume: bool = False) -> str:
    """Return the command line, as it was given or to resume it."""
    arguments = sys.argv[1:]
    if resume:
        arguments = [a for a in arguments if not a.startswith("resume=")] + ["resume=true"]
    return masked(shlex.join(["python", "-m", "noise_exp", *arguments]))


def _named(result: Result) -> str:
    return " ".join(result.overrides) or result.dist


def _prepare_launcher(launcher: DictConfig) -> None:
    """Refuse what joblib would stumble over, and let Ray join a cluster."""
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
