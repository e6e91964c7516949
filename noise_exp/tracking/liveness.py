"""Runs that are said to be running: waited for if they live, ended if their process died."""

import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from noise_exp.redaction import masked
from noise_exp.runs.journal import Journal
from noise_exp.tracking.delivery import Delivery, RefusedError
from noise_exp.tracking.failures import reason
from noise_exp.tracking.internals import SILENCE_SECONDS
from noise_exp.tracking.places import file_of, is_same
from noise_exp.tracking.store import FAILURES, Store

_WATCH_SECONDS = SILENCE_SECONDS
_PAUSE_SECONDS = 1.0
_RUNNING = "attributes.status = 'RUNNING'"

log = logging.getLogger(__name__)


def mark_dead_runs(store: Store) -> dict[str, str]:
    """Deliver and end the runs whose process died; return ids of those alive, by fingerprint."""
    return {
        run.data.tags["fingerprint"]: run.info.run_id
        for run in _mark_dead(store, store.search(_RUNNING))
        if "fingerprint" in run.data.tags
    }


def wait_for(store: Store, run_id: str) -> Run | None:
    """Wait until a run of another process has ended, or that process died.

    Returns
    -------
    The run; None if it did not finish.
    """
    log.info("Waiting for run %s, which another process is at ...", run_id)
    while True:
        try:
            run = store.client.get_run(run_id)
            if run.info.status != "RUNNING" or not _mark_dead(store, [run]):
                run = store.client.get_run(run_id)  # which may have ended meanwhile
                finished = run.info.status == "FINISHED" and run.info.lifecycle_stage == "active"
                return run if finished else None
        except FAILURES as error:
            if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                return None
            log.warning("The tracking store fails (%s); trying again", reason(error))
        time.sleep(_PAUSE_SECONDS)


def settle(folder: Path, client: Callable[[], MlflowClient], dead: bool = False) -> str:
    """Deliver what the run in `folder` still owes; one that died unseen becomes KILLED.

    Parameters
    ----------
    folder, client
        Of the run; of its store, which there may not be if nothing is owed.
    dead
        Whether a run of another machine, which holds no lock here, is known to be dead.

    Returns
    -------
    "alive" while a process is at the run, "elsewhere" if one of another machine may be; "nothing"
    if nothing was owed; else "delivered", and what was left out.

    Raises
    ------
    Exception
        If the record cannot be read, or the store cannot be reached or refuses.
    """
    if not Journal.load(folder).owed:
        return "nothing"
    with Journal.claim(folder) as journal:
        if journal is None:
            return "alive"
        if not journal.owed:  # it ended between the two
            return "nothing"
        if journal.record.status == "RUNNING":
            # A lock may say nothing of another machine's processes.
            if not dead and platform.node() not in journal.record.tags.get("host", "").split():
                return "elsewhere"
            journal.end_unseen()
        delivery = Delivery(journal, client(), again=True)
        delivery.send()
    return ", ".join(["delivered", *(f"without {what}" for what in delivery.left_out)])


def silent(places: Mapping[Path, str]) -> list[Path]:
    """Return the folders, of folders and stores, of runs that give their store no sign of life."""
    left = {folder: Journal.load(folder) for folder in places}
    uids = {journal.record.uid for journal in left.values()}
    alive = set()
    for uri, where in {(places[f], journal.owed.experiment_id) for f, journal in left.items()}:
        store = Store.attach(uri, where)
        runs = [r for r in store.search(_RUNNING) if r.data.tags.get("uid") in uids]
        alive |= {run.data.tags["uid"] for run in _watch(store, runs)[0]}
    return [folder for folder, journal in left.items() if journal.record.uid not in alive]


def _mark_dead(store: Store, runs: Iterable[Run]) -> list[Run]:
    """End the dead among running runs and return the others.

    On this machine the lock that a run's process holds tells; no other sign is as sure. Of
    another machine's run, the heartbeat is watched: a live process changes it. Clocks are
    not compared.
    """
    alive, watched = [], []
    for run in runs:
        if not {"heartbeat", "uid"} & run.data.tags.keys():
            continue  # not ours, or nothing tells any more
        outcome = _settled(store, run)
        if outcome == "alive":
            alive.append(run)
        elif outcome in ("elsewhere", None):
            watched.append(run)
    beating, silent = _watch(store, watched)
    for run in silent:
        if _settled(store, run, dead=True) is None:
            _kill(store, run)
    return alive + beating


def _settled(store: Store, run: Run, dead: bool = False) -> str | None:
    """Settle a run by what is in its folder; None where that is out of reach or damaged."""
    tags = run.data.tags
    try:
        folder = Path(tags["folder"])
        left = Journal.load(folder)
        # In a copy of a store the record is the original's, which still delivers it.
        known = str(left.owed.uri)
        ours = is_same(known, masked(store.uri)) or file_of(known) is None
        same = left.record.run_id == run.info.run_id or left.record.uid == tags.get("uid")
        return settle(folder, lambda: store.client, dead) if ours and same else None
    except (OSError, ValueError, KeyError, RefusedError):
        return None


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


def _kill(store: Store, run: Run) -> None:
    if store.client.get_run(run.info.run_id).info.status == "RUNNING":
        beat = run.data.tags.get("heartbeat", "")
        last_sign = int(beat) * 1000 if beat.isdecimal() and len(beat) < 12 else None
        store.client.set_terminated(run.info.run_id, "KILLED", last_sign)
