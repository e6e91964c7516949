"""The one place that makes the products of training, and counts what they cost."""

import math
from threading import Lock
from typing import Any

import numpy as np


class Products:
    """Makes products of arrays, in any thread, and counts their multiply-adds.

    Attributes
    ----------
    multiply_adds
        Of all products so far: for each, one for every combination of its indices.
    """

    def __init__(self, multiply_adds: int = 0) -> None:
        self.multiply_adds = multiply_adds
        self._guard = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the lock behind in a copy."""
        return Products, (self.multiply_adds,)

    def matmul(self, a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return a b; each is a matrix or a vector."""
        self._count(a.size * math.prod(b.shape[1:]))
        return np.matmul(a, b, out=out)

    def einsum(self, subscripts: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return NumPy's `einsum` of two arrays, whose subscripts name each index."""
        indices = subscripts.partition("->")[0].replace(",", "")
        self._count(math.prod(dict(zip(indices, a.shape + b.shape, strict=True)).values()))
        return np.einsum(subscripts, a, b)

    def _count(self, multiply_adds: int) -> None:
        with self._guard:
            self.multiply_adds += multiply_adds
