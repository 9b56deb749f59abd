"""Bytes in memory that are on their way from or to clients, and who gives way where there are too many."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator


class Parcel:
    """Bytes on their way in or out. held: bytes of it in memory. moved: bytes that came or went. give_way: ends it for
    others that need the memory, None where that is not to be; over: whether it had to.
    """

    def __init__(self, held: int, give_way: Callable[[], None] | None) -> None:
        self.held, self.give_way = held, give_way
        self.moved, self.over, self.begun = 0, False, time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.begun

    @property
    def pace(self) -> float:
        """Bytes a second since then."""
        return self.moved / max(self.seconds, 1e-3)


class Parcels:
    """All that are on their way in one direction, and the bytes that they may hold together."""

    def __init__(self, most: int, grace_s: float) -> None:
        """grace_s: seconds for which none gives way."""
        self._most, self._grace_s = most, grace_s
        self._all: set[Parcel] = set()

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return sum(parcel.held for parcel in self._all)

    def room(self, count: int, parcel: Parcel | None = None) -> bool:
        """Whether there is room for so many bytes more, once the slowest have given way. Where nothing is, all fits.

        parcel: what they belong to; none that is as fast as it gives way. Where it would not help, none does.
        """
        limit = parcel.pace if parcel and parcel.seconds > self._grace_s else math.inf
        old = [one for one in self._all - {parcel} if one.give_way and one.seconds > self._grace_s]
        late = [one for one in old if one.pace < limit]
        if not self._fits(count, self.held - sum(one.held for one in late)):
            return False
        for one in sorted(late, key=lambda one: one.pace):
            if self._fits(count, self.held):
                break
            self.end(one)
        return True

    def _fits(self, count: int, held: int) -> bool:
        return not held or held + count <= self._most

    def end(self, parcel: Parcel) -> None:
        """Have a parcel give way."""
        self._all.discard(parcel)
        parcel.over = True
        if parcel.give_way:
            parcel.give_way()

    def end_all(self) -> None:
        """Have all that can give way do so."""
        for parcel in list(self._all):
            if parcel.give_way:
                self.end(parcel)

    @contextlib.contextmanager
    def counted(self, parcel: Parcel) -> Iterator[Parcel]:
        """Count a parcel within the block."""
        self._all.add(parcel)
        try:
            yield parcel
        finally:
            self._all.discard(parcel)
