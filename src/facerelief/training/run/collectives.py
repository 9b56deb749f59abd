"""What the processes of a run do together, on one machine or several; each function is called by all of them.

Without other processes they return what they are given.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from facerelief.data.batches import Rows
from facerelief.errors import FacereliefError


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def summed(values: Tensor) -> Tensor:
    """The sum over all processes. Raises `FacereliefError` where one of them is gone."""
    if processes() == 1:
        return values
    values = values.clone()
    with _needing_all():
        dist.all_reduce(values)
    return values


def gathered(value: Any) -> list[Any]:
    """Each process's value, by rank; raises as `summed`."""
    if processes() == 1:
        return [value]
    found: list[Any] = [None] * processes()
    with _needing_all():
        dist.all_gather_object(found, value)
    return found


def whole_batch(parts: Sequence[Tensor], rows: Sequence[Rows]) -> tuple[Tensor, Tensor]:
    """Values of photos in the order of the batch, from the parts of all processes.

    Args:
        parts: This process's, (N, ...) each.
        rows: Where they lie in the batch.

    Returns:
        Values (W, ...), 0 where no process has any, and which rows are there, bool (W,).
    """
    first = parts[0]
    values = first.new_zeros(rows[0].whole, *first.shape[1:])
    there = torch.zeros(rows[0].whole, device=first.device)
    for part, one in zip(parts, rows, strict=True):
        values[one.start : one.stop] = part
        there[one.start : one.stop] = 1
    return summed(values), summed(there) > 0


@contextmanager
def _needing_all() -> Iterator[None]:
    try:
        yield
    except RuntimeError as reason:
        what = str(reason).strip().splitlines()[0] if str(reason).strip() else type(reason).__name__
        raise FacereliefError(
            f"another process of this training is gone ({what:.100}); start all of them again, and it goes on from the "
            "last saved state"
        ) from reason
