"""Uniform random numbers of the open interval (0, 1), and the random bits they are made of.

In float32 they have 32 random bits: (k + 1/2) / 2^32. Near 0 a float32 holds all of them, near 1
only 24. In float64 they have 53.
"""

import math

import numpy as np


def raw(rng: np.random.Generator, n: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Return n uniform integers of all values of `dtype`, cut from 64 random bits each."""
    words = -(-n * np.dtype(dtype).itemsize // 8)
    return rng.integers(0, 2**64 - 1, words, np.uint64, endpoint=True).view(dtype)[:n]


def uniform(rng: np.random.Generator, out: np.ndarray) -> None:
    """Fill with uniform numbers of the open interval (0, 1)."""
    if out.dtype == np.float32:
        np.copyto(out, raw(rng, len(out), np.uint32), casting="unsafe")
        out += 0.5
        out *= (1 - 2**-24) / 2**32  # the largest is rounded up to 2^32, which must not give 1
    else:
        rng.random(out=out)
        out += 2**-54
        out *= 1 - 2**-53


def uniform_angle(rng: np.random.Generator, out: np.ndarray) -> None:
    """Fill with uniform numbers of [-pi, pi], whose ends are one angle."""
    if out.dtype == np.float32:  # whole numbers with a sign are converted twice as fast
        np.copyto(out, raw(rng, len(out), np.uint32).view(np.int32), casting="unsafe")
        out *= math.pi / 2**31
    else:
        rng.random(out=out)
        out *= 2 * math.pi
        out -= math.pi
