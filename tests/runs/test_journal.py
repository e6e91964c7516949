"""What is known of a run changes in one way: whole, under the lock, and for all to see at once."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from noise_exp.runs import journal as module
from noise_exp.runs.journal import Journal
from noise_exp.runs.record import Record
from noise_exp.training.loop import EpochRecord


def test_records_are_found_while_what_is_delivered_goes(tmp_path, monkeypatch):
    folders = [Journal.start(tmp_path / name, Record(name)).folder for name in ("a", "b/c")]
    (folders[0] / ".noise_exp" / "artifacts").mkdir()
    scandir = os.scandir

    def gone(path):
        if str(path).endswith("artifacts"):
            raise FileNotFoundError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert Journal.find(tmp_path) == folders


def test_updates_of_many_threads_lose_nothing(tmp_path):
    journal = Journal.start(tmp_path, Record("run"))
    with ThreadPoolExecutor(4) as threads:
        for i in range(200):
            threads.submit(journal.update, metrics={str(i): i})
    assert len(json.loads((tmp_path / ".noise_exp" / "run.json").read_text())["metrics"]) == 200


def test_threads_that_read_epochs_at_once_read_all_of_them(tmp_path):
    journal = Journal.start(tmp_path, Record("run"))
    for epoch in range(20):
        journal.log_epoch(EpochRecord(epoch, 0.5, 0.5, 0.0, 1, 0.5))
    with ThreadPoolExecutor(4) as threads:
        read = threads.map(lambda _: len(journal.epochs()[0]), range(2000))
        assert set(read) == {20}


def test_a_record_is_synced_to_disk_at_the_end_and_every_few_seconds(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", synced.append)
    journal = Journal.start(tmp_path, Record("run"))
    for seconds, grows in ((0.0, True), (1e9, False)):
        monkeypatch.setattr(module, "_SYNC_SECONDS", seconds)
        before = len(synced)
        journal.log_epoch(EpochRecord(0, 0.5, 0.5, 0.0, 1, 0.5))
        assert (len(synced) > before) == grows
    journal.end("FINISHED")
    assert len(synced) > before
