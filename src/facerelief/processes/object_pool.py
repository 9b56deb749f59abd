"""Things that serve one thread at a time, for any number of threads."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """Lends each thread a thing of its own. They are made when they are needed, and kept."""

    def __init__(self, create: Callable[[], T], most: int | None = None) -> None:
        """create: makes one. most: how many there may be; by default one a processor."""
        self._create = create
        self._places = threading.BoundedSemaphore(most or os.cpu_count() or 1)
        self._making = threading.Lock()
        self._idle: list[T] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[T]:
        """One of them, for a while; where all are lent, wait for one."""
        with self._places:
            one = self._take()
            try:
                yield one
            finally:
                self._idle.append(one)

    def _take(self) -> T:
        try:
            return self._idle.pop()
        except IndexError:
            with self._making:
                return self._create()
