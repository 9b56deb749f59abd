"""A pool of objects that are not thread-safe, shared by threads."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from facerelief.processes.cores import available_cores

_T = TypeVar("_T")


class ObjectPool(Generic[_T]):
    """Lends each thread its own object. Objects are created on demand and kept."""

    def __init__(self, create: Callable[[], _T], most: int | None = None) -> None:
        """Objects are created when they are first needed.

        Args:
            create: Makes an object.
            most: The largest number of objects; by default one per core.
        """
        self._create = create
        self._places = threading.BoundedSemaphore(most or available_cores())
        self._making = threading.Lock()
        self._idle: list[_T] = []

    @contextlib.contextmanager
    def lend(self) -> Iterator[_T]:
        """Borrow an object within the block; waits if all are lent."""
        with self._places:
            one = self._take()
            try:
                yield one
            finally:
                self._idle.append(one)

    def _take(self) -> _T:
        try:
            return self._idle.pop()
        except IndexError:
            with self._making:
                return self._create()
