"""Threads that share a run's arithmetic without changing its result."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController

CHUNK = 2**16  # numbers of a vector that one thread works on at a time, in its core's own cache

Item = TypeVar("Item")
Result = TypeVar("Result")

_pool: ContextVar[ThreadPoolExecutor | None] = ContextVar("pool", default=None)


@dataclass(frozen=True)
class Workers:
    """Threads that share work; in each of them BLAS works on that thread alone.

    OpenBLAS's own threads change the last bits of a product with their number. Here the caller
    cuts the work into pieces, always the same ones, and every piece is computed by one thread:
    so the number of threads changes the time and never a bit of the result.

    It holds no thread itself, and so can be copied, pickled and used after a fork: threads are
    hired for a training, or else for one call of `map`.

    Parameters
    ----------
    threads
        How many pieces are worked on at once, the calling thread included; at least 1.
    """

    threads: int = 1

    @contextmanager
    def hired(self) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Keep threads; within what is returned all calls of `map` use them.

        A generator may yield between the two: who asks it may fork, where no thread comes along,
        or be another that trains.
        """
        process = os.getpid()
        with ThreadPoolExecutor(max(1, self.threads - 1)) as pool:  # begun with the first piece

            @contextmanager
            def at_work() -> Iterator[None]:
                token = _pool.set(pool if os.getpid() == process else None)
                try:
                    yield
                finally:
                    _pool.reset(token)

            yield at_work

    def map(self, function: Callable[[Item], Result], pieces: Sequence[Item]) -> list[Result]:
        """Return `function` of every piece, in their order; raises what `function` raises."""
        helpers, pool = min(self.threads, len(pieces)) - 1, _pool.get()
        if helpers > 0 and pool is None:
            with self.hired() as at_work, at_work():
                return self.map(function, pieces)
        results: dict[int, Result] = {}
        todo = deque(enumerate(pieces))

        def work() -> None:
            while todo:
                try:
                    i, piece = todo.popleft()
                except IndexError:  # another thread took the last one
                    return
                results[i] = function(piece)

        with _blas().limit(limits=1, user_api="blas"):
            # Each in the caller's context: NumPy's error state is part of it.
            futures = [pool.submit(copy_context().run, work) for _ in range(helpers) if pool]
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
