"""The number of threads for networks. With too little work a thread, waiting for each other takes longer than the work.

That costs most on a machine that other programs keep busy.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

from facerelief.processes.cores import available_cores

_VALUES_PER_THREAD = 200_000  # of a network's widest maps
_limit: int | None = None


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
    return _limit or (int(named) if named.isdecimal() and int(named) else available_cores())


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
