"""A worker ends with the process that launched it, on Windows too (its calls are stood in)."""

import multiprocessing
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from noise_exp.job import launchers


@pytest.fixture
def ended(monkeypatch):
    """What a watch does when the launching process ends; each call waits for that."""
    alive = threading.Event()
    parent = SimpleNamespace(join=alive.wait)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(launchers, "_WATCH_SECONDS", 0.01)

    def end():
        alive.set()
        monkeypatch.setattr(os, "getppid", lambda: 1)

    return end


@pytest.mark.parametrize(
    ("platform", "number_after"), [("linux", 1), ("darwin", 1), ("win32", 4321)]
)
def test_it_waits_for_the_end_of_its_parent(monkeypatch, ended, platform, number_after):
    monkeypatch.setattr(launchers.sys, "platform", platform)
    monkeypatch.setattr(os, "getppid", lambda: 4321)
    watch = threading.Thread(target=launchers._await_end, args=(4321,), daemon=True)
    watch.start()
    time.sleep(0.1)
    assert watch.is_alive()
    ended()
    monkeypatch.setattr(os, "getppid", lambda: number_after)  # Windows keeps a dead one's
    watch.join(timeout=30)
    assert not watch.is_alive()


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_its_run_is_interrupted_and_not_cut_off(monkeypatch, platform):
    monkeypatch.setattr(launchers.sys, "platform", platform)
    if platform == "win32":  # there it is no signal, but an end at once
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("it would be cut off"))

    def interrupted():
        launchers._interrupt()
        time.sleep(30)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
