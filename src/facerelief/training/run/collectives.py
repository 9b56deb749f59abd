"""What the processes of a run do together, on one machine or several; each function is called by all of them.

Without other processes they return what they are given.
"""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
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
        raise FacereliefError(
            f"another process of this training is gone ({_first_line(reason)}); start all of them again, and it goes "
            "on from the last saved state"
        ) from reason


def _first_line(reason: Exception) -> str:
    """What an error of the network says; a trace of its C++ follows."""
    lines = str(reason).strip().splitlines()
    return f"{lines[0]:.100}" if lines else type(reason).__name__


def await_first_process(seconds: float = 600.0) -> None:
    """Wait until the first process listens: torch's own wait takes half an hour and hears no interruption.

    Args:
        seconds: The longest wait; the first process may still decode its dataset.

    Raises:
        FacereliefError: Nothing listens at the address that the processes were given.
    """
    environment = os.environ.get
    if int(environment("WORLD_SIZE", "1")) == 1 or int(environment("RANK", "0")) == 0:
        return
    address, end = (environment("MASTER_ADDR", "127.0.0.1"), environment("MASTER_PORT", "")), time.monotonic() + seconds
    while True:
        try:
            with socket.create_connection((address[0], int(address[1])), timeout=10):
                return
        except (OSError, ValueError) as reason:
            if time.monotonic() > end or isinstance(reason, socket.gaierror | ValueError):
                raise FacereliefError(
                    f"the first of the {environment('WORLD_SIZE')} processes of this training is not at "
                    f"{':'.join(address)} ({_first_line(reason)}); start it, and give all of them its address"
                ) from reason
        time.sleep(1)


def check_agreement(facts: Mapping[str, Any]) -> None:
    """Raise `FacereliefError` where processes differ in settings, dataset or versions: they would train apart."""
    everyones = gathered(dict(facts))
    for name in facts:
        values = list(dict.fromkeys(str(one.get(name)) for one in everyones))
        if len(values) > 1:
            raise FacereliefError(
                f"the processes of this training differ in {name}: {values[0]:.60} and {values[1]:.60}; start all of "
                "them with the same command, dataset and versions"
            )
