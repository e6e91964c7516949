"""The benchmark's vector instructions: all contenders are held to the same ones, or to none."""

import json
import os
import subprocess
import sys

import pytest

from studies.benchmarks import isa

SCRIPT = """
import importlib.util, json
import numpy as np
from studies.benchmarks import isa
from noise_exp.job.fingerprint import kernel
from noise_exp.training.functions import has_vector_code
found = {"isa": isa.in_use(), "kernel": kernel(), "arctan": has_vector_code(np.arctan)}
if importlib.util.find_spec("torch"):
    import torch
    found["torch"] = torch.backends.cpu.get_cpu_capability()
if importlib.util.find_spec("jax"):
    import jax
    found["jax"] = float(jax.jit(jax.numpy.sin)(0.0))
print(json.dumps(found))
"""


def found(choice):
    with isa.switched(choice):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        )
    assert "unknown" not in done.stderr.lower(), done.stderr  # as XLA says of a wrong flag
    return json.loads(done.stdout)


def test_with_avx2_no_library_uses_more():
    native, avx2 = found("native"), found("avx2")
    if native["isa"] not in ("avx512", "avx2"):
        pytest.skip("this processor has no AVX2")
    assert avx2["isa"] == "avx2"
    assert not avx2["arctan"]
    if "openblas" in avx2["kernel"]:
        assert " Haswell" in avx2["kernel"]
    assert avx2.get("torch", "AVX2") == "AVX2"


def test_native_is_the_processors_whatever_the_environment_says(monkeypatch):
    for name in ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "ATEN_CPU_CAPABILITY"):
        monkeypatch.delenv(name, raising=False)
    free = found("native")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Sandybridge")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert found("native") == free


@pytest.mark.parametrize("choice", isa.CHOICES)
def test_the_environment_is_left_as_it_was(monkeypatch, choice):
    monkeypatch.setenv("XLA_FLAGS", "--xla_of_the_user=1")
    before = dict(os.environ)
    with isa.switched(choice):
        assert "--xla_of_the_user=1" in os.environ["XLA_FLAGS"]
    assert dict(os.environ) == before
