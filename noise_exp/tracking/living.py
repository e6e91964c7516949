"""Runs that are said to be running: waited for if they live, ended if their process died."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from mlflow.entities import Run

from noise_exp.records.journal import Journal
from noise_exp.records.machine import is_here
from noise_exp.redaction import masked
from noise_exp.tracking.delivery import HEARTBEAT_SECONDS, RefusedError, reason, sync
from noise_exp.tracking.places import file_of, is_same
from noise_exp.tracking.store import FAILURES, Store

# A beat may be late by a call that times out and the pause before the next try.
_WATCH_SECONDS = 9 * HEARTBEAT_SECONDS
_PAUSE_SECONDS = 1.0
_RUNNING = "attributes.status = 'RUNNING'"

log = logging.getLogger(__name__)


def bury_the_dead(store: Store) -> dict[str, str]:
    """Deliver and end the runs whose process died; return ids of those alive, by fingerprint."""
    return {
        run.data.tags["fingerprint"]: run.info.run_id
        for run in _bury(store, store.search(_RUNNING))
        if "fingerprint" in run.data.tags
    }


def wait_for(store: Store, run_id: str, pause: float = 2.0) -> Run | None:
    """Wait until a run of another process has ended, or that process died.

    Returns
    -------
    The run; None if it did not finish.
    """
    log.info("Waiting for run %s, which another process is at ...", run_id)
    while True:
        try:
            run = store.client.get_run(run_id)
            if run.info.status != "RUNNING" or not _bury(store, [run]):
                run = store.client.get_run(run_id)  # which may have ended meanwhile
                finished = run.info.status == "FINISHED" and run.info.lifecycle_stage == "active"
                return run if finished else None
        except FAILURES as error:
            if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                return None
            log.warning("The tracking store fails (%s); trying again", reason(error))
        time.sleep(pause)


def _bury(store: Store, runs: Iterable[Run]) -> list[Run]:
    """End the dead among running runs and return the others.

    On this machine the lock that a run's process holds tells; no other sign is as sure. Of
    another machine's run, the heartbeat is watched: a live process changes it. Clocks are
    not compared.
    """
    alive, watched = [], []
    for run in runs:
        if not {"heartbeat", "uid"} & run.data.tags.keys():
            continue  # not ours, or nothing tells any more
        if _has_its_record_here(store, run):
            try:
                if sync(Path(run.data.tags["folder"]), store.uri) == "alive":
                    alive.append(run)
            except (OSError, ValueError, RefusedError):
                watched.append(run)
        else:
            watched.append(run)
    beating, silent = _watch(store, watched)
    for run in silent:
        _kill(store, run)
    return alive + beating


def _watch(store: Store, runs: list[Run]) -> tuple[list[Run], list[Run]]:
    """Return those whose heartbeat changes, and the silent; one that ends meanwhile is neither."""
    silent, beating = list(runs), []
    if silent:
        log.info("Watching %d runs of other machines for a sign of life ...", len(silent))
    start = time.monotonic()
    while silent and time.monotonic() - start < _WATCH_SECONDS:
        time.sleep(_PAUSE_SECONDS)
        now = {r.info.run_id: r for r in store.search(_RUNNING)}
        for run in list(silent):
            current = now.get(run.info.run_id)
            if current is None:
                silent.remove(run)
            elif current.data.tags.get("heartbeat") != run.data.tags.get("heartbeat"):
                silent.remove(run)
                beating.append(run)
    return beating, silent


def _has_its_record_here(store: Store, run: Run) -> bool:
    tags = run.data.tags
    try:
        facts = Journal.load(Path(tags["folder"])).facts
    except (OSError, ValueError, KeyError):  # deleted, damaged, or another user's
        return False
    # In a copy of a store the record is the original's, which is still to be told by it.
    known = str(facts.uri)
    ours = is_same(known, masked(store.uri)) or file_of(known) is None
    same = facts.run_id == run.info.run_id or facts.uid == tags.get("uid")
    return same and ours and is_here(tags.get("host", ""))


def _kill(store: Store, run: Run) -> None:
    if store.client.get_run(run.info.run_id).info.status == "RUNNING":
        beat = run.data.tags.get("heartbeat", "")
        last_sign = int(beat) * 1000 if beat.isdecimal() and len(beat) < 12 else None
        store.client.set_terminated(run.info.run_id, "KILLED", last_sign)
