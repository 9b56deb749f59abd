"""Threads that work ahead, in order and in bounds, and end when nobody wants more."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from facerelief.editing.video.pipeline import ahead, in_order, windows


def test_items_come_in_order_and_errors_with_them() -> None:
    def items() -> Iterator[int]:
        yield from range(100)
        raise ValueError("at the end")

    found = []
    with pytest.raises(ValueError, match="at the end"):
        found.extend(ahead(ahead(items())))
    assert found == list(range(100))


def test_only_some_are_made_in_advance_and_closing_ends_it() -> None:
    made, closed, before = 0, threading.Event(), threading.active_count()

    def items() -> Iterator[int]:
        nonlocal made
        try:
            while True:
                made += 1
                yield made
        finally:
            closed.set()

    stream = ahead(items(), 3)
    assert next(stream) == 1
    stream.close()
    assert closed.is_set()
    assert made <= 1 + 3 + 2
    assert threading.active_count() == before


def test_work_is_done_by_several_threads_at_once() -> None:
    """Each waits for the other: one thread alone would never end."""
    meeting = threading.Barrier(2, timeout=20)

    def meet(item: int) -> int:
        meeting.wait()
        return item * item

    with ThreadPoolExecutor(2) as threads:
        assert list(in_order(lambda item: threads.submit(meet, item), range(10), 2)) == [k * k for k in range(10)]


@pytest.mark.parametrize("most", [0, 2])
def test_no_more_items_are_taken_than_may_be_under_way(most: int) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 10:
            taken += 1
            yield taken

    with ThreadPoolExecutor(1) as thread:
        for place, result in enumerate(in_order(lambda item: thread.submit(abs, item), items(), most), 1):
            assert result == place and taken <= place + most


def test_work_that_fails() -> None:
    def fail(item: int) -> int:
        return 1 // (3 - item)

    found = []
    with ThreadPoolExecutor(2) as threads, pytest.raises(ZeroDivisionError):
        found.extend(in_order(lambda item: threads.submit(fail, item), range(10), 2))
    assert len(found) == 3


@pytest.mark.parametrize(("count", "reach"), [(0, 2), (1, 2), (3, 5), (20, 3), (5, 0)])
def test_windows_hold_each_items_neighbours(count: int, reach: int) -> None:
    found = list(windows(range(count), reach))
    assert [window[at] for window, at in found] == list(range(count))
    for window, at in found:
        k = window[at]
        near = {n for n in range(count) if abs(n - k) <= reach}
        assert near <= set(window)
        assert len(window) <= 2 * reach + 1
