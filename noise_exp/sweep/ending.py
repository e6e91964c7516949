"""The end of a sweep: its jobs' records, compared and reported on."""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noise_exp.errors import ReportedError, in_words, is_of_disk
from noise_exp.runs import output
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.sweep.sweep import Sweep, command
from noise_exp.writing import duration, print_table

if TYPE_CHECKING:  # matplotlib, pandas and MLflow, which only the end of a sweep needs
    from noise_exp.sweep.summary import Summary
    from noise_exp.tracking.store import Store

_NOTE_LENGTH = 7500  # MLflow's limit for a tag is 8000 characters
_RUNS_PER_CALL = 50  # read with one wait for the store

log = logging.getLogger(__name__)


def finish(sweep: Sweep) -> None:
    """Compare the runs, in the terminal and on the sweep's run.

    Raises
    ------
    ReportedError
        If a job failed, after saying which.
    """
    said: list[Callable[[], None]] = []
    try:
        records = gather(sweep)
        _compare(sweep, records, said)
    except Exception:
        log.exception(
            "The comparison could not be made; the runs and %s are kept", sweep.plan.folder
        )
        sweep.journal.end("FAILED")
        raise ReportedError from None
    failed = [r for r in records if r.error]
    _tag_best(sweep)
    sweep.journal.end("FAILED" if failed else "FINISHED")
    for say in said:
        say()
    if sweep.store:
        print(f"Browse and compare the runs:\n    {_where(sweep, sweep.store, records)}")
    if failed:
        log.error("%d of %d jobs failed:", len(failed), len(records))
        for record in failed:
            log.error("  job %d (%s): %s", record.job, _named(record), record.error)
        if sweep.store:
            log.error("Run just those again with\n    %s", command(resume=True))
        raise ReportedError


def _tag_best(sweep: Sweep) -> None:
    """Tag the run that the comparison found best; warn where that fails."""
    store, best = sweep.store, sweep.journal.record.tags.get("best_run_id")
    if store and best:
        from noise_exp.tracking.failures import reason

        try:
            sweep.recording.ask(lambda: store.tag_best(best))
        except Exception as error:
            log.warning("The best run %s could not be tagged: %s", best, reason(error))


def _where(sweep: Sweep, store: "Store", records: Sequence[Record]) -> str:
    """Say where to look; what is reused hangs under an earlier sweep, so no view shows it all."""
    from noise_exp.report.runs import part_of

    run_id = sweep.journal.record.run_id
    if not run_id or any(r.reused for r in records):
        return store.browse
    swept, part = sweep.plan.swept, part_of(records)
    try:
        return sweep.recording.ask(lambda: store.browse_sweep(run_id, swept, part))
    except TimeoutError:
        return store.browse


def gather(sweep: Sweep) -> list[Record]:
    """Return what every job ended with: from its folder, or from the store if that is all.

    A job on another machine may have left its folder there. One that is planned, or that a search
    has numbered, and that has left nothing anywhere has failed.
    """
    records: dict[int, Record] = {}
    cut_off: dict[int, Record] = {}  # its end could not be written: the store may know it
    for journal in Journal.below(sweep.plan.folder):  # what is damaged counts as missing
        if journal.record.sweep == sweep.journal.record.uid:
            ends = records if journal.ended else cut_off
            ends[journal.record.job] = journal.read()
    whole = len(records) == sweep.plan.total and not any(r.reused for r in records.values())
    if sweep.store and not whole:
        _complete(records, sweep, sweep.store)
    records = {**cut_off, **records}
    planned = sweep.plan.jobs or [[]] * (1 + max(records, default=-1))
    for job, overrides in enumerate(planned):
        if job not in records:
            missing = Record("", job=job, overrides=overrides)
            records[job] = missing.asked.failed("it left no record")
    return [records[job] for job in sorted(records)]


def _complete(records: dict[int, Record], sweep: Sweep, store: "Store") -> None:
    """Read from the store what is not in the sweep's folder."""
    from noise_exp.tracking import reading
    from noise_exp.tracking.failures import reason

    earlier = dict(sweep.finished)
    parent_id = sweep.journal.record.run_id or ""
    ask = sweep.recording.ask

    def read(runs: Sequence[Any]) -> list[Record]:
        parts = [runs[i : i + _RUNS_PER_CALL] for i in range(0, len(runs), _RUNS_PER_CALL)]
        return [r for part in parts for r in ask(partial(reading.read, store, part))]

    try:
        for record in ask(lambda: reading.reused_runs(store, parent_id)):
            records.setdefault(record.job, record)
        children = reading.sensible(ask(lambda: reading.children(store, parent_id)), numbered=True)
        theirs = [run for run, record in children if record.job not in records]
        records |= {record.job: record for record in read(theirs)}
        reused = {job: r.run_id for job, r in records.items() if r.reused and r.run_id}
        runs = ask(lambda: store.by_id(list(set(reused.values()))))
        earlier |= {str(r.run_id): r for r in read(list(runs.values()))}
    except Exception as error:
        log.warning(
            "The tracking store could not be read (%s): the comparison lacks what is not in %s",
            reason(error),
            sweep.plan.folder,
        )
    for job, record in records.items():
        if record.reused:
            unread = f"finished as run {record.run_id}, which could not be read"
            base = earlier.get(record.run_id or "") or record.failed(unread)
            records[job] = dataclasses.replace(
                base, job=job, overrides=record.overrides, reused=True
            )


def _compare(sweep: Sweep, records: Sequence[Record], said: list[Callable[[], None]]) -> None:
    """Write tables, figures and report, and note them; what is to be said of it goes to `said`.

    Each may fail by itself, and takes nothing else with it.
    """
    from noise_exp.report.page import PAGE, write
    from noise_exp.sweep.summary import NONE, of_methods, of_trials

    summary, own = NONE, sweep.journal.record
    with _by_itself("comparison"):
        if sweep.plan.jobs is None:
            summary = of_trials(records, sweep.plan.swept)
        else:
            summary = of_methods(records, own.name, command(), own.run_id)
    kept = write(sweep.plan.folder, summary.files, output.SWEEP, _by_itself)
    said.append(lambda: _say(summary, sweep.plan.folder))
    with _by_itself("findings"):
        lines = [f"- {finding}" for finding in summary.findings()]
        lines += [f"Report: {sweep.plan.folder / name}" for name in kept if name.endswith(PAGE)]
        said.append(lambda: print(*lines, sep="\n", end="\n" * bool(lines)))
    seconds = time.perf_counter() - sweep.started
    sweep.journal.update(
        files=kept,
        note=_note(sweep, records, summary),
        tags=summary.tags,
        series=summary.series,
        metrics={
            **summary.metrics,
            "runs": len(records),
            "failed_runs": sum(r.error is not None for r in records),
            "reused": sum(r.reused for r in records),
            "sweep_seconds": round(seconds, 1),
        },
    )
    said.append(lambda: print(f"{len(records)} runs in {duration(seconds)}"))


@contextlib.contextmanager
def _by_itself(what: str) -> Iterator[None]:
    """Warn of what cannot be made, and go on without it; a full disk is no such reason."""
    try:
        yield
    except Exception as error:
        if is_of_disk(error):
            raise
        log.debug("%s could not be made", what, exc_info=True)
        log.warning("The %s could not be made (%s)", what, in_words(error))


def _say(summary: "Summary", folder: Path) -> None:
    if len(summary.table):
        print_table(summary.table, summary.title)
    if summary.advice:
        print(summary.advice)
    print(f"Table and figures: {folder}")


def _note(sweep: Sweep, records: Sequence[Record], summary: "Summary") -> str:
    """Return the sweep's description: what was swept, the winner, how to repeat it."""
    from noise_exp.writing import markdown_of

    settings = [r.settings for r in records]
    values = {key: {s.get(key) for s in settings} for s in settings for key in s}
    swept = " ".join(f"{key} ({len(v)} values)" for key, v in values.items() if len(v) > 1)
    swept = swept or "one configuration"
    note = f"Swept {swept}: {len(records)} runs, {summary.headline}. Repeat with\n\n"
    note += f"    {command()}\n\n{summary.advice}\n"
    if run_id := sweep.journal.record.run_id:
        note += f"Its curves in the notebook: `make play SWEEP={run_id}`\n\n"
    note += markdown_of(summary.table)
    if len(note) > _NOTE_LENGTH:
        note = note[: note.rfind("\n", 0, _NOTE_LENGTH)]
        note += f"\n\nThe rest: {', '.join(n for n in summary.files if n.endswith('.csv'))}\n"
    links = [
        f"[{_named(r)}]({sweep.store.link(r.run_id)})"
        for r in records
        if sweep.store and r.reused and r.run_id
    ]
    if links:
        note += "\nReused from earlier sweeps (all in runs.csv):\n"
        while links and len(note) + len(links[0]) < _NOTE_LENGTH:
            note += f"\n- {links.pop(0)}"
    return note


def _named(record: Record) -> str:
    return " ".join(record.overrides) or record.dist
