"""One face finder for any number of threads."""

import os
import threading
from collections.abc import Callable

import numpy as np

from facerelief.faces.detect import Face, FaceFinder, load_finder


class FinderPool:
    """A `FaceFinder` that threads may share: each search has a finder of its own, and gives it back.

    Finders are made when they are needed and kept; where all are at work, a search waits for one.
    """

    def __init__(self, create: Callable[[], FaceFinder] = load_finder, most: int | None = None) -> None:
        """create: makes a finder. most: how many may exist; by default one a processor."""
        self._create = create
        self._places = threading.BoundedSemaphore(most or os.cpu_count() or 1)
        self._making = threading.Lock()
        self._idle: list[FaceFinder] = []

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """The faces of one photo, uint8 (H, W, 3), the largest first."""
        with self._places:
            finder = self._take()
            try:
                return finder(rgb)
            finally:
                self._idle.append(finder)

    def _take(self) -> FaceFinder:
        try:
            return self._idle.pop()
        except IndexError:
            with self._making:
                return self._create()
