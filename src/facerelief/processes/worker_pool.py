"""Processes for a stream of items, which are done as they come."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from facerelief.processes.pool import start_workers, worker_environment


@contextlib.contextmanager
def worker_pool(
    start: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], workers: int
) -> Iterator[Callable[[Any], Future[Any]]]:
    """Processes that end with the block, whatever they are doing, and with this process.

    Args:
        start: Called once per process as `start(*arguments)`; returns the function that does an item.
        arguments: Of `start`; picklable, as it is.
        workers: Processes.

    Yields:
        What starts an item, in any thread. Its future raises what `start` or the work raises, and `BrokenProcessPool`
        where a process died.
    """
    worker_environment()
    waiting, lock = dict.fromkeys(range(workers), 0), threading.Lock()

    def submit(item: Any) -> Future[Any]:
        with lock:
            least = min(waiting, key=waiting.__getitem__)
            waiting[least] += 1
        future = started[least].submit(item)
        future.add_done_callback(lambda _: done(least))
        return future

    def done(which: int) -> None:
        with lock:
            waiting[which] -= 1

    with contextlib.ExitStack() as stack:
        started = start_workers(stack, start, arguments, workers)
        yield submit
