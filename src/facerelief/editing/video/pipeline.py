"""Streams of items: steps that run at once in threads, and windows that look ahead. Memory is bounded by what waits."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_QUEUED = 4  # items between two steps


def ahead(items: Iterator[_Item], most: int = _QUEUED) -> Generator[_Item, None, None]:
    """The same items, made in a thread of their own, up to `most` in advance. What their making raises is raised here.

    Closing the generator ends the thread, which closes `items`.
    """
    ready: queue.Queue[tuple[bool, Any]] = queue.Queue(most)
    ended = threading.Event()
    thread = threading.Thread(target=_make, args=(items, ready, ended), daemon=True)
    thread.start()
    try:
        while True:
            more, item = ready.get()
            if more:
                yield item
            elif item is not None:
                raise item
            else:
                return
    finally:
        ended.set()
        if threading.current_thread() is not thread:
            thread.join()


def _make(items: Iterator[Any], ready: queue.Queue[tuple[bool, Any]], ended: threading.Event) -> None:
    """Put (True, item) for each item, then (False, what ended them or None), until `ended`."""

    def put(entry: tuple[bool, Any]) -> None:
        while not ended.is_set():
            try:
                return ready.put(entry, timeout=0.1)
            except queue.Full:
                continue

    try:
        for item in items:
            put((True, item))
            if ended.is_set():
                break
        put((False, None))
    except BaseException as reason:
        put((False, reason))
    finally:
        if isinstance(items, Generator):
            items.close()


def in_order(
    submit: Callable[[_Item], Future[_Result]], items: Iterable[_Item], lookahead: int
) -> Generator[_Result, None, None]:
    """The results of work that `submit` starts for each item, in order, `lookahead` items more than one under way."""
    under_way: deque[Future[_Result]] = deque()
    for item in items:
        under_way.append(submit(item))
        del item
        if len(under_way) > lookahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def windows(items: Iterable[_Item], reach: int) -> Iterator[tuple[list[_Item], int]]:
    """Each item in turn, as its place in a list of those up to `reach` before and after it."""
    window: deque[_Item] = deque(maxlen=2 * reach + 1)
    waiting = 0
    for item in items:
        window.append(item)
        waiting += 1
        if waiting > reach:
            waiting -= 1
            yield list(window), len(window) - 1 - waiting
    for left in range(waiting, 0, -1):
        yield list(window), len(window) - left
