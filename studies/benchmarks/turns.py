"""Contenders in turn, each in a process of its own that sleeps while it is another's turn.

So no library's waiting threads disturb another; a turn that others on the machine disturbed is
repeated.
"""

import importlib.util
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from noise_exp.errors import UserError

_SETTLE = 0.05  # seconds; BLAS and OpenMP threads of the turn before wait actively that long
_STAT = Path("/proc/stat")  # Linux; elsewhere every turn counts as undisturbed
_TOLERATED = 0.08  # of one core, used by others; the kernel counts in hundredths of a second
_PATIENCE = 1.5  # seconds, then the least disturbed turn has to do

Case = TypeVar("Case", bound=tuple)
Outcome = TypeVar("Outcome")


def take_turns(
    work: Callable[..., Outcome], contenders: Iterable[str], cases: Iterable[Case], threads: int
) -> Iterator[tuple[str, Case, Outcome]]:
    """Let every contender work at the first case, then at the second, and so on.

    Yields contender, case, and what `work(contender, threads, *case)` returned in the
    contender's process.
    """
    with ExitStack() as stack:
        processes = {name: stack.enter_context(own_process(threads)) for name in contenders}
        for case in cases:
            for name, process in processes.items():
                yield name, case, process.submit(work, name, threads, *case).result()


def own_process(threads: int) -> ProcessPoolExecutor:
    """Return a new process, kept to as many cores as threads."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, context, only_cores, (threads,))


def only_cores(threads: int) -> None:
    """Keep this process, and every thread it will start, to as many cores as threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def settle() -> None:
    """Wait until the turn before is over; to be called when all is ready to be timed."""
    time.sleep(_SETTLE)


def require(packages: Iterable[str]) -> None:
    """Raise UserError if a package of a peer is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise UserError(f"{package} is missing: pip install 'noise-exp[bench]'")


def time_undisturbed(run: Callable[[], object], again: Callable[[], object]) -> float:
    """Return the seconds that `run` takes when no other process takes its cores.

    `again` is called before every try, to warm up.
    """
    tries: list[tuple[float, float]] = []
    give_up = time.perf_counter() + _PATIENCE
    while True:
        again()
        used, start = _used_by_others(), time.perf_counter()
        run()
        seconds = time.perf_counter() - start
        foreign = (_used_by_others() - used) / seconds
        tries.append((foreign, seconds))
        if foreign <= _TOLERATED:
            return seconds
        if time.perf_counter() > give_up:
            return min(tries)[1]
        time.sleep(0.2)


def _used_by_others() -> float:
    """Seconds of processor time so far on all cores that this process did not use."""
    try:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(
            int, _STAT.read_text().split(maxsplit=9)[1:9]
        )
    except (OSError, ValueError):
        return 0.0
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()
