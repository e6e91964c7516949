"""The discrete laws as cumulative probabilities, for the peers that have no fast sampler."""

import math

import numpy as np

_TERMS = 1000


def poisson_cumulative(lam: float = 1.0) -> np.ndarray:
    """P(X <= k) for k = 0, 1, ... up to what float32 tells from 1."""
    return np.cumsum([math.exp(-lam) * lam**k / math.factorial(k) for k in range(11)])


def zipf_cumulative() -> np.ndarray:
    """P(X <= k) for k = 1 to 1000, of zipf(2)."""
    return np.cumsum(6 / math.pi**2 / np.arange(1.0, _TERMS + 1) ** 2)
