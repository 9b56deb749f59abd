"""A byte budget for request bodies and responses in memory, and which transfer is evicted when it is used up."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator


class Transfer:
    """One body or response in transit.

    held: its bytes in memory. moved: bytes received or sent. abort: ends it; None: it cannot be evicted.
    evicted: whether it was ended because others needed the memory.
    """

    def __init__(self, held: int, abort: Callable[[], None] | None) -> None:
        self.held, self.abort = held, abort
        self.moved, self.evicted, self.started = 0, False, time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it started."""
        return time.monotonic() - self.started

    @property
    def throughput(self) -> float:
        """Mean bytes per second."""
        return self.moved / max(self.seconds, 1e-3)


class ByteBudget:
    """All transfers in one direction, and the bytes that they may hold together."""

    def __init__(self, most: int, grace_s: float) -> None:
        """grace_s: a transfer is not evicted in its first seconds."""
        self._most, self._grace_s = most, grace_s
        self._transfers: set[Transfer] = set()

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return sum(transfer.held for transfer in self._transfers)

    def make_room(self, count: int, transfer: Transfer | None = None) -> bool:
        """Make room for `count` more bytes by evicting the slowest transfers; returns whether there is room.

        Nothing is evicted if that would not suffice, nor what is as fast as `transfer`, whose bytes these are. An empty
        budget takes any amount.
        """
        limit = transfer.throughput if transfer and transfer.seconds > self._grace_s else math.inf
        others = self._transfers - {transfer}
        old = [other for other in others if other.abort and other.seconds > self._grace_s]
        slower = [other for other in old if other.throughput < limit]
        if not self._fits(count, self.held - sum(other.held for other in slower)):
            return False
        for other in sorted(slower, key=lambda other: other.throughput):
            if self._fits(count, self.held):
                break
            self.evict(other)
        return True

    def _fits(self, count: int, held: int) -> bool:
        return not held or held + count <= self._most

    def evict(self, transfer: Transfer) -> None:
        """End a transfer."""
        self._transfers.discard(transfer)
        transfer.evicted = True
        if transfer.abort:
            transfer.abort()

    def evict_all(self) -> None:
        """End all transfers that can be ended."""
        for transfer in list(self._transfers):
            if transfer.abort:
                self.evict(transfer)

    @contextlib.contextmanager
    def counted(self, transfer: Transfer) -> Iterator[Transfer]:
        """Count a transfer's bytes within the block."""
        self._transfers.add(transfer)
        try:
            yield transfer
        finally:
            self._transfers.discard(transfer)
