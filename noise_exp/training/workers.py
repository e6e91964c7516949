"""Threads that share a run's arithmetic without changing its result."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

CHUNK = 2**16  # numbers of a vector that one thread works on at a time, in its core's own cache

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """A pool of threads; in each of them BLAS works on that thread alone.

    OpenBLAS's own threads change the last bits of a product with their number. Here the caller
    cuts the work into pieces, always the same ones, and every piece is computed by one thread:
    so the number of threads changes the time and never a bit of the result.

    Parameters
    ----------
    threads
        How many pieces are worked on at once, the calling thread included; at least 1.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        # Its threads start with the first piece and end when nothing refers to it any more.
        self._pool = ThreadPoolExecutor(max(1, threads - 1))

    def map(self, function: Callable[[Item], Result], pieces: Sequence[Item]) -> list[Result]:
        """Return `function` of every piece, in their order; raises what `function` raises."""
        results: dict[int, Result] = {}
        todo = deque(enumerate(pieces))

        def work() -> None:
            while todo:
                try:
                    i, piece = todo.popleft()
                except IndexError:  # another thread took the last one
                    return
                results[i] = function(piece)

        helpers = min(self.threads, len(pieces)) - 1
        with _blas().limit(limits=1, user_api="blas"):
            # Each in the caller's context: NumPy's error state is part of it.
            futures = [self._pool.submit(copy_context().run, work) for _ in range(helpers)]
            try:
                work()
            finally:
                todo.clear()
                for future in futures:
                    future.exception()  # wait: the caller's arrays are in use until then
            for future in futures:
                future.result()
        return [results[i] for i in range(len(pieces))]


ALONE = Workers(1)


def chunks(n: int) -> list[slice]:
    """Cut a vector of `n` numbers into pieces that stay in a core's own cache."""
    return [slice(i, min(i + CHUNK, n)) for i in range(0, n, CHUNK)]


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()
