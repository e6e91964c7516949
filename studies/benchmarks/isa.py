"""Which vector instructions the contenders may use: all that the processor has, or AVX2 at most.

Each library has a switch of its own, an environment variable that it reads as it is loaded: set
them before the contenders' processes are started.
"""

import contextlib
import os
import platform
from collections.abc import Iterator

import numpy as np

NATIVE, AVX2 = "native", "avx2"
CHOICES = (NATIVE, AVX2)
_OF_512 = ("AVX512", "X86_V4")  # how NumPy's names of what goes beyond AVX2 begin
_NUMPY, _XLA = "NPY_DISABLE_CPU_FEATURES", "XLA_FLAGS"
_AVX2_ALONE = {
    "OPENBLAS_CORETYPE": "Haswell",
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # and those of the libraries behind it
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
_HOLD_BACK = (*_AVX2_ALONE, "OPENBLAS_L2_SIZE", _NUMPY)


@contextlib.contextmanager
def switched(isa: str) -> Iterator[None]:
    """Have the processes that are started meanwhile use `isa`, one of CHOICES.

    Switches that the environment had are put aside, so that the native one is the processor's.
    """
    before = dict(os.environ)
    for name in _HOLD_BACK:
        os.environ.pop(name, None)
    if isa == AVX2:
        os.environ.update(_AVX2_ALONE)
        disabled = {*before.get(_NUMPY, "").replace(",", " ").split(), *_beyond_avx2()}
        if disabled:
            os.environ[_NUMPY] = " ".join(sorted(disabled))
        os.environ[_XLA] = f"{before.get(_XLA, '')} --xla_cpu_max_isa=AVX2".strip()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def in_use() -> str:
    """Return the vector instructions that this process's NumPy uses, as a part of file names."""
    if _beyond_avx2():
        return "avx512"
    return AVX2 if {"AVX2", "X86_V3"} & set(_features()) else platform.machine().lower()


def _features() -> list[str]:
    simd = (np.show_config(mode="dicts") or {}).get("SIMD Extensions", {})
    return [*simd.get("baseline", ()), *simd.get("found", ())]


def _beyond_avx2() -> list[str]:
    return [name for name in _features() if name.startswith(_OF_512)]
