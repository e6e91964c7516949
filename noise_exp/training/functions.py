"""arctan, log1p and expm1 of float32 arrays, from operations that NumPy vectorises everywhere.

NumPy has vector code for these three with AVX-512 alone (Intel's SVML, on Linux), and there it
takes a quarter of the time that the portable functions below take; elsewhere it calls the C
library number by number, which takes three to five times theirs. So `arctan`, `log1p` and `expm1`
are NumPy's own where it has vector code and the portable ones elsewhere: activations and draws
differ in their last bits between the two kinds of processor, as matrix products do anyway.

All are called as ``f(x, out=out)``, with arrays of one shape that may be the same one; their rows
may lie apart, as those of activations do. A number's result depends on that number alone.
float64 goes to NumPy's function.
"""

import functools
import sys
from collections.abc import Callable
from typing import Protocol

import numpy as np

_CHUNK = 2**15  # numbers; a function's chunk and its scratch stay in a core's own 512 KiB


class Function(Protocol):
    """A function of every number of an array."""

    def __call__(self, x: np.ndarray, /, *, out: np.ndarray) -> object:
        """Write the function of `x` to `out`."""


def _number(value: float) -> np.ndarray:
    """Return a float32 without dimensions: NumPy takes a Python number at half the pace."""
    return np.array(value, np.float32)


_ZERO, _HALF, _ONE, _MINUS_HALF = (_number(v) for v in (0, 0.5, 1, -0.5))


def _in_chunks(native: np.ufunc, n_scratch: int) -> Callable[[Callable[..., None]], Function]:
    """Make a function of (x, out, scratch, ...), all float32 of one shape, run chunk by chunk.

    `native` is NumPy's function, for float64; the call brings its own scratch arrays, so that
    several threads can be at it.
    """

    def decorate(kernel: Callable[..., None]) -> Function:
        @functools.wraps(kernel)
        def function(x: np.ndarray, /, *, out: np.ndarray) -> None:
            if x.dtype != np.float32 or out.dtype != np.float32 or not x.size:
                native(x, out=out)
                return
            rows = min(len(x), max(1, _CHUNK * len(x) // x.size))
            scratch = [np.empty((rows, *x.shape[1:]), np.float32) for _ in range(n_scratch)]
            for start in range(0, len(x), rows):
                chunk = x[start : start + rows]
                kernel(chunk, out[start : start + rows], *(s[: len(chunk)] for s in scratch))

        return function

    return decorate


# See `portable_arctan`; tests/training/test_functions.py derives them anew.
ARCTAN_FRACTION = (
    1.5707962366100368,
    0.63661547751054,
    -0.09465788951473982,
    0.48049227162029157,
    -0.05737630116408618,
    0.35504189948611875,
)
_F, _B, _D, _E = (_number(ARCTAN_FRACTION[i]) for i in (0, 2, 4, 5))
_A_LESS_E, _C_LESS_E = (_number(ARCTAN_FRACTION[i] - ARCTAN_FRACTION[5]) for i in (1, 3))
_LOW, _HIGH = _number(-1e18), _number(1e18)  # their squares are finite, their arctan +-pi/2


@_in_chunks(np.arctan, n_scratch=3)
def portable_arctan(
    x: np.ndarray, out: np.ndarray, y: np.ndarray, w: np.ndarray, t: np.ndarray
) -> None:
    """Arctan of any number, relative error below 3.2e-7.

    arctan x = x g(w) with w = sqrt(1 + x^2) and g(w) = arccos(1/w) / sqrt(w^2 - 1), which is
    even in x and needs no case for large ones. As a function of c = 1/w on [0, 1], g / c is
    smooth: a ratio of polynomials of degrees 2 and 3 equals it in six Chebyshev points and
    differs by at most 5.8e-8 of it in between. Written as a continued fraction it takes the
    fewest operations: g(w) = F / (w + A + B / (w + C + D / (w + E))).
    """
    x.clip(_LOW, _HIGH, out=y)
    np.square(y, out=w)
    np.add(w, _ONE, out=w)
    np.sqrt(w, out=w)
    np.add(w, _E, out=w)
    np.divide(_D, w, out=t)
    np.add(t, w, out=t)
    np.add(t, _C_LESS_E, out=t)
    np.divide(_B, t, out=t)
    np.add(t, w, out=t)
    np.add(t, _A_LESS_E, out=t)
    np.divide(_F, t, out=t)
    np.multiply(t, y, out=out)


@_in_chunks(np.log1p, n_scratch=2)
def portable_log1p(x: np.ndarray, out: np.ndarray, c: np.ndarray, u: np.ndarray) -> None:
    """Log(1 + x) of x >= -1, relative error below 3.5e-7; below -1 it is not a number.

    1 + x is rounded to u, and what is lost is known exactly, e = x - (u - 1) (Dekker 1971), and
    given back to first order: log(u) + e. That is Goldberg's remedy (*What every computer
    scientist should know about floating-point arithmetic*, 1991, theorem 4) as a sum, which
    needs no case for u = 1. Outside -1/2..1 it is left out: below nothing is lost, above it does
    not count.
    """
    x.clip(_MINUS_HALF, _ONE, out=c)
    np.add(c, _ONE, out=u)
    np.subtract(u, _ONE, out=u)
    np.subtract(c, u, out=c)
    np.add(x, _ONE, out=u)
    np.log(u, out=u)
    np.subtract(_ZERO, u, out=u)
    np.subtract(c, u, out=out)  # instead of log + e, which would turn -0 into 0


# B_k / k! for k = 2, 4, 6, with Bernoulli's numbers B_k.
_B2, _B4, _B6 = (_number(v) for v in (1 / 12, -1 / 720, 1 / 30240))


@_in_chunks(np.expm1, n_scratch=3)
def portable_expm1(
    x: np.ndarray, out: np.ndarray, c: np.ndarray, z: np.ndarray, q: np.ndarray
) -> None:
    """Exp(x) - 1 of any number, relative error below 4.5e-7; infinite from 88.72 on.

    Of the part c of x within -1/2..1/2 from c / expm1(c) = 1 - c/2 + sum of B_k c^k / k!
    (Abramowitz and Stegun 1964, 23.1.1), cut off after k = 6, which costs 5e-9. The rest of x,
    exactly x - c, by expm1(x) = expm1(c) e^(x - c) + (e^(x - c) - 1); it is 0 where x is small.
    """
    x.clip(_MINUS_HALF, _HALF, out=c)
    np.square(c, out=z)
    np.multiply(z, _B6, out=q)
    np.add(q, _B4, out=q)
    np.multiply(q, z, out=q)
    np.add(q, _B2, out=q)
    np.multiply(q, z, out=q)
    np.add(q, _ONE, out=q)
    np.multiply(c, _HALF, out=z)
    np.subtract(q, z, out=q)
    np.divide(c, q, out=q)
    np.subtract(x, c, out=c)
    np.exp(c, out=c)
    np.multiply(q, c, out=q)
    np.subtract(_ONE, c, out=c)
    np.subtract(q, c, out=out)  # instead of a sum, which would turn -0 into 0


def has_vector_code(function: np.ufunc) -> bool:
    """Whether NumPy uses vector code for a function of float32 here."""
    if sys.platform != "linux":  # compiled for AVX-512 elsewhere too, but without SVML
        return False
    try:
        from numpy.lib.introspect import opt_func_info
    except ImportError:  # early NumPy 2 does not tell
        return False
    found = opt_func_info(f"^{function.__name__}$", "float32").get(function.__name__, {})
    return any(not info["current"].startswith("baseline") for info in found.values())


def _chosen(native: np.ufunc, portable: Function) -> Function:
    return native if has_vector_code(native) else portable


arctan = _chosen(np.arctan, portable_arctan)
log1p = _chosen(np.log1p, portable_log1p)
expm1 = _chosen(np.expm1, portable_expm1)
