"""Equal bits are promised for one kernel: a run says which it had, and another is another run."""

import json
import os
import subprocess
import sys

import pytest
from support import composed, trial

from noise_exp.job import fingerprint as module
from noise_exp.job.describe import plain
from noise_exp.job.fingerprint import fingerprint, kernel

pytestmark = pytest.mark.slow

OPTIONS = ("dist=backprop", "network.hidden=[96,128]", "epochs=3")
SCRIPT = f"""
import json
from noise_exp.job.fingerprint import kernel
from support import trial
costs = [[r.cost.hex() for r in trial(*{OPTIONS}, threads=n).train()] for n in (1, 2)]
print(json.dumps([kernel(), costs]))
"""


def pinned(**env):
    """What a process says in which kernels are pinned before Python starts; None if it cannot."""
    path = os.pathsep.join(filter(None, [os.path.dirname(__file__) + "/..", *sys.path]))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else None


def test_two_kernels_of_the_blas_round_differently_and_each_alike_on_any_threads():
    found = {name: pinned(OPENBLAS_CORETYPE=name) for name in ("Haswell", "Sandybridge")}
    if not all(said and name in said[0] for name, said in found.items()):
        pytest.skip("this processor or this BLAS does not take both kernels")
    (first, again), (second, too) = (costs for _, costs in found.values())
    assert first == again != second == too


def test_numpys_own_vector_code_is_in_it_too():
    simd = kernel().rpartition("NumPy ")[2]
    less = pinned(NPY_DISABLE_CPU_FEATURES=simd)
    if not less:
        pytest.skip("this NumPy does not leave out what it has found")
    assert less[0] != kernel()
    assert less[0].partition(", ")[0] == kernel().partition(", ")[0]


def test_it_is_numpys_kernel_whatever_else_is_loaded_and_in_whatever_order(monkeypatch):
    import scipy.linalg  # noqa: F401 - brings a BLAS of its own

    libraries = module.threadpool_info()
    said = set()
    for order in (libraries, libraries[::-1]):
        monkeypatch.setattr(module, "threadpool_info", lambda order=order: order)
        said.add(kernel.__wrapped__())
    assert said == {pinned()[0]}


def test_another_kernel_is_another_run(monkeypatch):
    options = ("network=small", "epochs=2")
    before = fingerprint(plain(composed(*options)), trial(*options))
    monkeypatch.setattr(module, "kernel", lambda: "another")
    assert fingerprint(plain(composed(*options)), trial(*options)) != before
