"""What `make play-page` gives to the browser: it trains without threads, on NumPy alone."""

import subprocess
import sys
import zipfile

import pytest
from support import ROOT

from noise_exp.training import Embedded, IndependentStreams, Law, LearnedFeedback, Schedule, Trial

pytestmark = pytest.mark.slow

# Stands for Pyodide: https://pyodide.org/en/stable/usage/wasm-constraints.html
SCRIPT = """
import sys, _thread, threading

ALLOWED = {"noise_exp", "numpy", "threadpoolctl", *sys.stdlib_module_names}
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED or name.startswith("multiprocessing"):
            raise ModuleNotFoundError(f"{name} is not in the browser")
sys.meta_path.insert(0, Guard())
def refuse(*_, **__):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = threading._start_new_thread = refuse
if hasattr(_thread, "start_joinable_thread"):
    _thread.start_joinable_thread = threading._start_joinable_thread = refuse

import noise_exp
from noise_exp.training import *
assert noise_exp.__file__.startswith(sys.path[0]), noise_exp.__file__
"""
TRAINED = """
streams = IndependentStreams(init=3, data=3, noise=3)
split = Embedded(test_size=1900, pixel_divisor=255.0).split(streams.permutation)
trial = Trial(split, Law("gumbel", loc=0, scale=1), streams, estimator=LearnedFeedback(0.1, 0.2),
              hidden=[32], schedule=Schedule(3))
told = [record.cost for record in trial.train()]
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w",
         folder, ROOT / "notebooks" / "browser"], check=True,
    )  # fmt: skip
    (wheel,) = folder.glob("noise_exp-*-py3-none-any.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_it_trains_without_threads_and_to_the_same_bits(unpacked):
    done = subprocess.run(
        [sys.executable, "-c",
         f"import sys; sys.path.insert(0, {str(unpacked)!r})\n{SCRIPT}{TRAINED}\nprint(told)"],
        cwd=unpacked, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    here = {
        "Embedded": Embedded, "IndependentStreams": IndependentStreams, "Law": Law,
        "LearnedFeedback": LearnedFeedback, "Schedule": Schedule, "Trial": Trial,
    }  # fmt: skip
    exec(TRAINED, here)
    assert done.stdout.strip() == str(here["told"])


def test_it_holds_what_the_notebook_imports(unpacked):
    for name in ("pictures.py", "pad.py"):
        assert (unpacked / name).read_text() == (ROOT / "notebooks" / name).read_text()
