"""`resume=true`: a finished run of the same fingerprint stands for a job."""

import logging
from dataclasses import replace

from noise_exp.job.describe import Job
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.tracking import liveness, reading
from noise_exp.tracking.failures import reason
from noise_exp.tracking.parsing import sensible
from noise_exp.tracking.store import Store

log = logging.getLogger(__name__)


def found(store: Store, job: Job, begun: Record) -> Record | None:
    """Return the run that stands for a job; one that is still alive is waited for."""
    return _of_job(store, job, begun) if job.in_sweep else _of_run(store, begun)


def _of_run(store: Store, begun: Record) -> Record | None:
    fingerprint = begun.tags["fingerprint"]
    if alive := liveness.mark_dead_runs(store).get(fingerprint):
        liveness.wait_for(store, alive)
    known = reading.finished(store, begun.tags["source_digest"]).get(fingerprint)
    record = next(iter(reading.read(store, [known[0]])), None) if known else None
    if record:
        log.info("Finished already as run %s:", record.run_id)
    return record


def _of_job(store: Store, job: Job, begun: Record) -> Record | None:
    """Return what stands for a job of a sweep; leave it in the job's folder.

    All that is known of it is its id and its score: the end of the sweep reads the rest.
    """
    fingerprint, sweep = begun.tags["fingerprint"], job.sweep
    alive, known = sweep.alive.get(fingerprint), sweep.finished.get(fingerprint)
    if alive and not known:
        run = liveness.wait_for(store, alive)
        found = sensible([run]) if run else []
        known = (alive, found[0][1].score) if found else None
    if not known:
        return None
    run_id, score = known
    curves = {begun.scored: [score]}
    record = replace(begun, run_id=run_id, reused=True, status="FINISHED", curves=curves)
    Journal.start(job.folder, record).release()
    log.info("%s: finished already as run %s", begun.name, run_id)
    if sweep.parent_id and not job.shares_folder:
        try:
            reading.tell_reused(store, sweep.parent_id, record)
        except Exception as error:
            log.warning("The sweep could not be told of run %s (%s)", run_id, reason(error))
    return record
