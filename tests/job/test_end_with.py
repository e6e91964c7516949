"""A worker ends with the process that launched it on Windows too (its calls are stood in).

On Linux the sweeps of test_kill.py and test_interrupted.py tell.
"""

import multiprocessing
import os
import signal
import threading
from types import SimpleNamespace

import pytest

from noise_exp.job import launchers


@pytest.fixture(autouse=True)
def windows(monkeypatch):
    monkeypatch.setattr(launchers.sys, "platform", "win32")


def test_it_waits_for_the_end_of_its_parent(monkeypatch):
    alive = threading.Event()
    parent = SimpleNamespace(join=alive.wait)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(os, "getppid", lambda: 4321)  # a dead one's too
    watch = threading.Thread(target=launchers._await_end, args=(4321,), daemon=True)
    watch.start()
    watch.join(timeout=0.1)
    assert watch.is_alive()
    alive.set()
    watch.join(timeout=30)
    assert not watch.is_alive()


def test_its_run_is_interrupted_and_not_cut_off(monkeypatch):
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it would be cut off"))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted():
        launchers._interrupt()
        threading.Event().wait(30)

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
