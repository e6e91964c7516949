"""Facts change in one way: whole, under the lock, and for all to see at once."""

import dataclasses
import json
import threading

import pytest

from noise_exp.records.journal import Journal
from noise_exp.records.owed import Owed
from noise_exp.records.record import DataSet, Record


def test_facts_survive_the_file(tmp_path):
    run = Record("run", {"kind": "run"}, {"dist": "beta"},
                  dataset=DataSet("article", "abc", "MNIST", {"training": 9, "test": 1}),
                  overrides=["dist=beta"])  # fmt: skip
    journal = Journal.start(tmp_path, run, Owed(series={"score": [1.0, None]}))
    read = Journal.load(tmp_path)
    assert (read.record, read.owed) == (journal.record, journal.owed)


def test_facts_are_replaced_and_never_changed(tmp_path):
    journal = Journal.start(tmp_path, Record("run", {"kind": "run"}))
    before = journal.record
    journal.update(tags={"diverged": "true"}, metrics={"test_errors": 3})
    assert before.tags.keys() == {"kind", "host", "folder"}
    assert journal.record.tags.keys() == {"kind", "host", "folder", "diverged"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        journal.record.status = "FINISHED"


def test_updates_of_many_threads_lose_nothing(tmp_path):
    journal = Journal.start(tmp_path, Record("run"))

    def work(name):
        for i in range(50):
            journal.update(metrics={f"{name}{i}": i})

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads((tmp_path / ".noise_exp" / "run.json").read_text())["metrics"]) == 200
