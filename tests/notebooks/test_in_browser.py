"""What `make play-page` gives to the browser: it trains without threads, on NumPy alone."""

import zipfile

import pytest
from support import ROOT, python

pytestmark = pytest.mark.slow

# Stands for Pyodide: https://pyodide.org/en/stable/usage/wasm-constraints.html
SCRIPT = """
import os, sys, _thread, threading

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
assert noise_exp.__file__.startswith(os.getcwd()), noise_exp.__file__
"""
TRAINED = """
from noise_exp.training import *
streams = IndependentStreams(init=3, data=3, noise=3)
split = Embedded(test_size=1900, pixel_divisor=255.0).split(streams.permutation)
trial = Trial(split, Distribution("gumbel", loc=0, scale=1), streams,
              estimator=LearnedFeedback(0.1, 0.2), hidden=[32], schedule=Schedule(3))
costs = [record.cost for record in trial.train()]
"""


def test_it_trains_without_threads_and_to_the_same_bits(tmp_path):
    source = ROOT / "notebooks" / "browser"
    python("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("noise_exp-*-py3-none-any.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    for name in ("pictures.py", "pad.py"):  # what the notebook imports
        kept = ROOT / "notebooks" / name
        assert (tmp_path / "site" / name).read_text() == kept.read_text()
    costs = python("-c", f"{SCRIPT}{TRAINED}\nprint(costs)", cwd=tmp_path / "site")
    exec(TRAINED, here := {})
    assert costs.strip() == str(here["costs"])
