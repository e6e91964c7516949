"""`resume=true`: a finished run of the same fingerprint stands for a job."""

import logging
from dataclasses import replace

from noise_exp.job.describe import Job, SweepContext
from noise_exp.job.fingerprint import source_digest
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.tracking import liveness, reading
from noise_exp.tracking.failures import reason
from noise_exp.tracking.store import Store

log = logging.getLogger(__name__)


def look(store: Store, sweep: SweepContext) -> dict[str, Record]:
    """Tell jobs which runs are finished or alive; return the finished, by their ids."""
    sweep.alive = liveness.mark_dead_runs(store)
    found = reading.finished(store, source_digest())
    sweep.finished = {f: (run.info.run_id, record.score) for f, (run, record) in found.items()}
    return {run.info.run_id: record for run, record in found.values()}


def found(store: Store, job: Job, begun: Record) -> Record | None:
    """Return the run that stands for a job; one that is still alive is waited for.

    All that is known of it in a sweep is its id and its score, which the job's folder keeps: the
    end of the sweep reads the rest.
    """
    fingerprint, sweep = begun.tags["fingerprint"], job.sweep
    if not job.in_sweep:
        look(store, sweep)
    alive, known = sweep.alive.get(fingerprint), sweep.finished.get(fingerprint)
    if alive and not known:
        run = liveness.wait_for(store, alive)
        ended = reading.sensible([run]) if run else []
        known = (alive, ended[0][1].score) if ended else None
    if not known:
        return None
    run_id, score = known
    if not job.in_sweep:
        log.info("Finished already as run %s:", run_id)
        return next(iter(reading.read(store, [*store.by_id([run_id]).values()])), None)
    curves = {begun.scored: [score]}
    record = replace(begun, run_id=run_id, reused=True, status="FINISHED", curves=curves)
    Journal.start(job.folder, record).release()
    log.info("%s: finished already as run %s", begun.name, run_id)
    if sweep.parent_id and not job.shares_folder:
        try:
            reading.note_reused(store, sweep.parent_id, record)
        except Exception as error:
            log.warning("Run %s could not be noted on the sweep (%s)", run_id, reason(error))
    return record
