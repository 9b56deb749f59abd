"""Rate limits that several processes share: a table in a file that all of them map."""

import contextlib
import hashlib
import mmap
import os
import struct
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from facerelief.webapp.access import take_token

_SLOTS = 1 << 16
_SLOT = struct.Struct("=dd")  # requests left, and when that was


class SharedRates:
    """A token bucket per client, as `access.RateLimiter`, for processes of one machine.

    Clients whose digests fall into one of 65,536 slots share a bucket. A process that dies releases its lock.

    Args:
        per_minute: Requests of one client; 0: any number.
        path: The table, which the first process makes.
    """

    def __init__(self, per_minute: int, path: Path) -> None:
        self._most = per_minute
        if not per_minute:
            return
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, _SLOTS * _SLOT.size)  # zeros, or as it is
        self._table = mmap.mmap(self._file, _SLOTS * _SLOT.size)

    def wait_s(self, client: str) -> float:
        """Count a request. 0 if it is allowed, else the seconds until one is."""
        if not self._most:
            return 0.0
        place = int.from_bytes(hashlib.blake2b(client.encode(), digest_size=2).digest(), "big") * _SLOT.size
        with self._locked(place):
            now = time.monotonic()  # one clock for all processes of a machine
            left, then = _SLOT.unpack_from(self._table, place)
            left, wait = take_token(left if then else float(self._most), now - then, self._most)
            _SLOT.pack_into(self._table, place, left, now)
        return wait

    @contextlib.contextmanager
    def _locked(self, place: int) -> Iterator[None]:
        if sys.platform == "win32":
            raise NotImplementedError  # `serve` refuses several processes there
        import fcntl

        fcntl.lockf(self._file, fcntl.LOCK_EX, _SLOT.size, place)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SLOT.size, place)
