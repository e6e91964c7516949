import signal
import sys

import numpy as np
import pytest
from hypothesis import settings
from support import Cli

from noise_exp.training.data import Embedded

# The same examples in every run, and no judgement of how long one takes on a busy machine.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


# What needs a terminal of Unix, its users or its servers; of these none is among the fast tests.
UNIX = ["servers", "job/test_runs.py", "tracking/test_disk.py"]
collect_ignore = [] if sys.platform == "linux" else UNIX


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=2, help="how often test_kill.py kills a sweep")
    parser.addoption("--pictures", help="a folder for the README's pictures of UI and report")


def pytest_configure():
    """Let signals reach what the tests start.

    A shell's job in the background ignores Ctrl-C, and under nohup the hang-up of its terminal, and
    so would all that it starts; a handler is not inherited.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(items):
    """Mark what runs the command, a server or a browser: `make check` leaves it to `make test`.

    A file is one worker's: those with slow tests come first, that all workers end together.
    """
    for item in items:
        used = set(item.fixturenames)
        if {"cli", "newcomer"} & used or ("tmp_path_factory" in used and "tmp_path" not in used):
            item.add_marker("slow")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def cli(tmp_path):
    cli = Cli(tmp_path)
    yield cli
    cli.close()


@pytest.fixture
def newcomer(tmp_path):
    """The command line in a folder where nothing has run yet."""
    cli = Cli(tmp_path, store=False)
    yield cli
    cli.close()


@pytest.fixture(scope="session")
def zeros_and_ones():
    images, classes, _ = Embedded([0, 1], 20, 1.0).load()
    images = images.reshape(-1, 784)
    images = np.concatenate([images[classes == 0], images[classes == 1]])
    return images, np.repeat([0, 1], [980, 1135])
