"""The number of threads for torch. With too little work per thread, waiting for each other takes longer than the work.

That costs most on a machine that other programs keep busy.
"""

import contextlib
from collections.abc import Iterator

import torch

_VALUES_PER_THREAD = 200_000  # of a network's widest maps


def threads_for(batch: int, size: int, width: int) -> int:
    """The number of threads that a network keeps busy, at most torch's current number.

    Args:
        batch: Images per batch.
        size: Their side in pixels.
        width: Channels of the network's first layer.

    Example:
        >>> threads_for(1, 32, 16)
        1
    """
    return max(1, min(torch.get_num_threads(), batch * size**2 * width // _VALUES_PER_THREAD))


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Set torch's number of threads within the block, in a program whose other threads do not use torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
