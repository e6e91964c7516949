"""Uniform numbers of the open interval (0, 1), and whole numbers looked up by them.

In float32 they have 32 random bits: (k + 1/2) / 2^32. Near 0 a float32 holds all of them, near 1
only 24. In float64 they have 53.
"""

import math
from collections.abc import Callable

import numpy as np

_MAX_VALUES = 2000  # of a table
_NEGLIGIBLE = 1e-30
_LARGEST = 2.0**63  # integer that NumPy's samplers make


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


def binomial(n: float, p: float) -> "Discrete | None":
    """Return the sampler of successes in n trials; None where a table cannot hold them."""
    if not (1 <= n < _MAX_VALUES and 0 < p < 1):
        return None
    log_odds = math.log(p) - math.log1p(-p)
    log_choose = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(int(n) + 1)
    ]
    k = np.arange(int(n) + 1)
    return Discrete(np.exp(np.array(log_choose) + k * log_odds + n * math.log1p(-p)))


def poisson(lam: float = 1.0) -> "Discrete | None":
    """Return the sampler of events at a mean of `lam`; None where a table cannot hold them."""
    last = math.ceil(lam + 15 * math.sqrt(lam) + 60)
    if lam <= 0 or last > _MAX_VALUES:
        return None
    log_p = [k * math.log(lam) - lam - math.lgamma(k + 1) for k in range(last)]
    return Discrete(np.exp(np.array(log_p)))


def zipf(a: float) -> "Discrete | None":
    """Return the sampler of P(k) ~ k^-a; None where its tail is too heavy for whole numbers."""
    if a < 1.5:  # draws beyond the largest integer, which NumPy rejects, are no longer rare
        return None
    # Euler and Maclaurin: the sum of j^-a over j > k is y^(1-a) / (a-1) * (1 - a(a-1) / (24 y^2))
    # with y = k + 1/2, up to terms of y^-4.
    y = _MAX_VALUES + 0.5
    beyond = y ** (1 - a) / (a - 1) * (1 - a * (a - 1) / (24 * y**2))
    weights = np.arange(1.0, _MAX_VALUES + 1) ** -a
    total = np.sum(weights[::-1]) + beyond

    def far(u: np.ndarray) -> np.ndarray:
        """Quantiles beyond the table: the same expansion solved for k, rounded up."""
        y = ((a - 1) * u * total) ** (-1 / (a - 1))
        return np.minimum(np.floor(y + 0.5 - a / (24 * y)), _LARGEST)

    return Discrete(weights / total, beyond / total, lowest=1, far=far)


class Discrete:
    """A distribution of `lowest`, `lowest` + 1, ..., sampled by look-up.

    U = (h + V) / 2^16: a table holds the value for each h that leaves only one; where h does
    not decide, V is drawn too, in double precision. U near 0 makes large values.

    Parameters
    ----------
    probabilities
        Shape (values,).
    beyond, far
        The probability of all greater values, and their quantile function of U.
    """

    def __init__(
        self,
        probabilities: np.ndarray,
        beyond: float = 0.0,
        lowest: int = 0,
        far: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._lowest = lowest
        self._far = far
        # P(X > value), summed from the small end; searchsorted wants it ascending.
        survival = np.cumsum(np.append(beyond, probabilities[::-1]))[-2::-1]
        self._minus_survival = -np.where(survival < _NEGLIGIBLE, 0, survival)
        edges = np.arange(2**16 + 1) / 2**16
        at_low = np.searchsorted(self._minus_survival, -edges[:-1])
        at_high = np.searchsorted(self._minus_survival, -edges[1:], "right")
        decided = (at_low == at_high) & (at_low < len(survival))
        table = np.where(decided, lowest + at_low, np.nan)
        self._tables = {np.dtype(d): table.astype(d) for d in (np.float32, np.float64)}

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """Return the value x of each U, with P(X > x) < U <= P(X >= x); float64 (n,)."""
        index = np.searchsorted(self._minus_survival, -u, "right")
        x = self._lowest + index.astype(np.float64)
        return (
            x if self._far is None else np.where(index < len(self._minus_survival), x, self._far(u))
        )

    def __call__(self, rng: np.random.Generator, out: np.ndarray) -> None:
        """Fill `out` with independent draws."""
        h = raw(rng, len(out), np.uint16)
        np.take(self._tables[out.dtype], h, out=out, mode="wrap")
        rare = np.flatnonzero(np.isnan(out))
        v = np.empty(len(rare))
        uniform(rng, v)
        out[rare] = self.quantile((h[rare] + v) / 2**16)
