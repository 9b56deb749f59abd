"""How many threads torch's work is worth: with too little for each, they wait for one another longer than they work.

That costs most where other programs keep the processor busy.
"""

import contextlib
from collections.abc import Iterator

import torch

_VALUES_A_THREAD = 200_000  # of a network's widest maps


def threads_for(batch: int, size: int, width: int) -> int:
    """Threads that a network keeps busy, at most those that torch may use.

    batch: images at a time. size: of their side in pixels. width: channels of its first layer.
    """
    return max(1, min(torch.get_num_threads(), batch * size**2 * width // _VALUES_A_THREAD))


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Have torch use this many threads for a while, for a program whose other threads do not use torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
