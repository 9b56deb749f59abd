"""One face finder for many threads: no finder at work twice at once, and none too many."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from facerelief.faces.detector import Face, FinderPool

PIXELS = np.zeros((4, 4, 3), np.uint8)


class Slow:
    """A finder that fails when two threads use it at once; it waits for company where there is a `barrier`."""

    def __init__(self, barrier: threading.Barrier | None = None) -> None:
        self._barrier, self._at_work = barrier, threading.Lock()

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        assert self._at_work.acquire(blocking=False), "two threads in one finder"
        try:
            if self._barrier:
                self._barrier.wait(timeout=30)
            return [Face(np.full((468, 3), rgb[0, 0, 0], np.float32))]
        finally:
            self._at_work.release()


def test_threads_search_side_by_side_each_with_a_finder_of_its_own() -> None:
    together = threading.Barrier(3)  # passes only where three search at once
    made: list[Slow] = []

    def create() -> Slow:
        made.append(Slow(together))
        return made[-1]

    pool = FinderPool(create, most=3)
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(lambda value: pool(PIXELS + np.uint8(value))[0].landmarks[0, 0], range(30)))
    assert found == list(range(30))
    assert len(made) == 3


def test_no_more_finders_than_allowed_and_kept_for_the_next_search() -> None:
    made: list[Slow] = []

    def create() -> Slow:
        made.append(Slow())
        return made[-1]

    pool = FinderPool(create, most=2)
    with ThreadPoolExecutor(16) as threads:
        assert len(list(threads.map(pool, [PIXELS] * 100))) == 100
    assert 1 <= len(made) <= 2


def test_a_face_is_followed_by_one_of_them() -> None:
    class Follows(Slow):
        def follow(self, rgb: np.ndarray, face: Face) -> Face | None:
            return Face(face.landmarks + 1)

    face = FinderPool(Follows, most=1).follow(PIXELS, Face(np.zeros((468, 3), np.float32)))
    assert face is not None
    assert (face.landmarks == 1).all()


def test_a_search_that_fails_gives_its_finder_back() -> None:
    def fails(rgb: np.ndarray) -> list[Face]:
        raise MemoryError

    pool = FinderPool(lambda: fails, most=1)
    for _ in range(3):
        with pytest.raises(MemoryError):
            pool(PIXELS)


def test_a_finder_that_cannot_be_made_is_asked_for_again() -> None:
    answers = iter([OSError("busy"), Slow()])

    def create() -> Slow:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    pool = FinderPool(create, most=1)
    with pytest.raises(OSError, match="busy"):
        pool(PIXELS)
    assert len(pool(PIXELS)) == 1
