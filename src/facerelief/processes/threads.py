"""Threads: their number for networks, and a second one that takes over a part of an edit.

With too little work a thread, waiting for each other takes longer than the work. That costs most on a machine that
other programs keep busy.
"""

import contextlib
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_VALUES_PER_THREAD = 200_000  # of a network's widest maps
_limit: int | None = None
_in_helper = threading.local()
T = TypeVar("T")


def limit_threads(count: int) -> None:
    """Let networks of this process use at most so many threads, also those of torch, once it is imported."""
    global _limit
    _limit = count
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)


def limit_torch() -> None:
    """Make torch, which has just been imported, keep the limit that was set before."""
    if _limit is not None:
        limit_threads(_limit)


def available_threads() -> int:
    """The number of threads that networks may use: torch's where it is imported, else one a core, or the limit."""
    if torch := sys.modules.get("torch"):
        count: int = torch.get_num_threads()
        return count
    named = os.environ.get("OMP_NUM_THREADS", "")
    return _limit or (int(named) if named.isdecimal() and int(named) else os.cpu_count() or 1)


def threads_for(batch: int, size: int, width: int) -> int:
    """The number of threads that a network keeps busy, at most those that there are.

    Args:
        batch: Images per batch.
        size: Their side in pixels.
        width: Channels of the network's first layer.

    Example:
        >>> threads_for(1, 32, 16)
        1
    """
    return max(1, min(available_threads(), batch * size**2 * width // _VALUES_PER_THREAD))


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin a part of the work in another thread, where this process may use several; numpy and Pillow let it run.

    Args:
        work: The part, of milliseconds at least. What it begins in this way itself is done at once.

    Returns:
        What waits for its result, to be called once; where no thread has come to it yet, it is done then.

    Example:
        >>> eleven = beside(lambda: 5 + 6)
        >>> 2 * 3 + eleven()
        17
    """
    if available_threads() < 2 or getattr(_in_helper, "yes", False):
        found = work()
        return lambda: found
    future = _helpers(os.getpid()).submit(work)
    return lambda: work() if future.cancel() else future.result()


@functools.cache
def _helpers(process: int) -> ThreadPoolExecutor:
    """Those of a process; a forked one has its own."""
    count = max(1, (os.cpu_count() or 1) - 1)
    return ThreadPoolExecutor(count, "facerelief-beside", lambda: setattr(_in_helper, "yes", True))


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set torch's number of threads within the block, in a program whose other threads do not use torch."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
