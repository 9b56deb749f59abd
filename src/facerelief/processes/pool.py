"""A parallel map over processes that end with their parent and ignore Ctrl-C."""

import contextlib
import functools
import math
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from facerelief.errors import FacereliefError
from facerelief.processes.cores import available_cores
from facerelief.processes.own_processes import OwnProcesses

Item = TypeVar("Item")
Result = TypeVar("Result")
MIN_ITEMS = 16  # fewer items are done by one worker
_AHEAD = 50  # per process: the most items that are done before an earlier one
_POLL_S = 0.5
_STARTING = -1
_KEPT = str(1 << 28)  # bytes
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # one thread per worker
    # A worker keeps memory for its next item: from the system, each page comes anew (glibc).
    "MALLOC_MMAP_THRESHOLD_": _KEPT,
    "MALLOC_TRIM_THRESHOLD_": _KEPT,
}


class WorkerLost(FacereliefError):
    """A worker process died."""

    def __str__(self) -> str:
        return "a worker process died, perhaps out of memory; run the same command again with fewer --workers"


def map_in_processes(
    start: Callable[..., Callable[[Item], Result]],
    arguments: tuple[Any, ...],
    items: Sequence[Item],
    workers: int | None = None,
    *,
    here: Callable[[Item], Result] | None = None,
    lost: Callable[[Item, str], Result] | None = None,
    seconds: float = math.inf,
    fewest: int = MIN_ITEMS,
) -> Iterator[Result]:
    """Yield the result of every item, in order.

    Args:
        start: Called once per process as `start(*arguments)`; returns the function that does an item.
        arguments: Of `start`.
        items: What to map.
        workers: Processes; by default one per core.
        here: The function, if this process has it already; used if one worker is enough.
        lost: Called with an item and the reason if its process died twice or took longer than `seconds`; returns its
            result. The process is replaced. None: `WorkerLost` is raised.
        seconds: The longest that an item may take.
        fewest: Fewer items are done by one worker.

    Raises:
        WorkerLost: A process died, and `lost` is None. Errors of `start` and of the work are raised too.

    Example:
        >>> list(map_in_processes(lambda: abs, (), [-1, 2], workers=1))
        [1, 2]
    """
    count = 1 if len(items) < fewest else min(len(items), workers or available_cores())
    if not items or (count == 1 and lost is None):
        yield from map(here or start(*arguments), items)
        return
    worker_environment()
    with contextlib.ExitStack() as stack:
        started = start_workers(stack, start, arguments, count)
        yield from _Workers(started, items, lost, seconds).results()


def run_in_process(
    start: Callable[..., Callable[[Item], Result]], arguments: tuple[Any, ...], item: Item, seconds: float = math.inf
) -> Result:
    """Run `start(*arguments)(item)` in a separate process.

    Args:
        start: As in `map_in_processes`; picklable, and so are the arguments, the item and the result.
        arguments: Of `start`.
        item: What to do.
        seconds: Wall clock, after which the process is killed; by default no limit.

    Returns:
        The result.

    Raises:
        WorkerLost: The process died or was killed. Errors of `start` and of the work are raised too.
    """
    worker = KillableWorker(start, arguments)
    try:
        worker.give(0, item)
        result: Result = worker.future.result(None if math.isinf(seconds) else seconds)
        return result
    except (BrokenProcessPool, TimeoutError) as reason:
        raise WorkerLost from reason
    finally:
        worker.end()


class WorkerProcess:
    """A process that stays for several maps, so that what `start` loads is loaded once."""

    def __init__(self, start: Callable[..., Callable[[Item], Result]], arguments: tuple[Any, ...]) -> None:
        self._worker = KillableWorker(start, arguments)

    def end(self) -> None:
        """Kill the process."""
        self._worker.end()

    def map(
        self, items: Sequence[Any], *, lost: Callable[[Any, str], Any] | None = None, seconds: float = math.inf
    ) -> Iterator[Any]:
        """The result of every item, in order, as `map_in_processes` gives them; an item is taken when it is due."""
        if self._worker.index not in (None, _STARTING):  # an earlier map was left during an item
            self._worker.end()
            self._worker.begin()
        return _Workers([self._worker], items, lost, seconds).results()


class KillableWorker:
    """A process that does items one by one and can be killed at any time."""

    def __init__(self, start: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._packed = pickle.dumps((start, arguments))
        self.begin()

    def begin(self) -> None:
        """Start a process. index: of its current item, `_STARTING` or None. future: of that item."""
        self._context = OwnProcesses()
        self._pool = ProcessPoolExecutor(1, self._context, _start_worker, (self._packed,))
        self.index: int | None = _STARTING
        self.since = math.inf
        with without_interrupts():  # while the process starts
            self.future: Future[Any] = self._pool.submit(os.getpid)

    def give(self, index: int, item: Any) -> None:
        """Start an item."""
        self.index, self.since, self.future = index, time.monotonic(), self.submit(item)

    def submit(self, item: Any) -> Future[Any]:
        """Start an item, after those that it was given before."""
        return self._pool.submit(_work, item)

    def end(self) -> None:
        """Kill the process."""
        if self.index is not None:
            for process in self._context.started():
                process.kill()
        self._pool.shutdown(cancel_futures=True)


def start_workers(
    stack: contextlib.ExitStack, start: Callable[..., Any], arguments: tuple[Any, ...], count: int
) -> list[KillableWorker]:
    """Workers that end with the stack, also those before one that cannot be started."""
    started = []
    for _ in range(count):
        started.append(KillableWorker(start, arguments))
        stack.callback(started[-1].end)
    return started


class _Workers:
    """Workers and the results so far; arguments as in `map_in_processes`."""

    def __init__(
        self,
        started: list[KillableWorker],
        items: Sequence[Any],
        lost: Callable[[Any, str], Any] | None,
        seconds: float,
    ) -> None:
        self._workers, self._items, self._lost, self._seconds = started, items, lost, seconds
        self._open = deque(range(len(items)))
        self._finished: dict[int, Any] = {}
        self._fatal: set[int] = set()  # items during which a process died

    def results(self) -> Iterator[Any]:
        """The results in the order of the items."""
        for wanted in range(len(self._items)):
            while wanted not in self._finished:
                self._hand_out(wanted)
                wait([one.future for one in self._workers if one.index is not None], _POLL_S, FIRST_COMPLETED)
                for worker in self._workers:
                    self._collect(worker)
            yield self._finished.pop(wanted)

    def _hand_out(self, wanted: int) -> None:
        for worker in self._workers:
            if worker.index is None and self._open and self._open[0] < wanted + _AHEAD * len(self._workers):
                try:
                    worker.give(self._open[0], self._items[self._open[0]])
                except BrokenProcessPool:  # died while idle: not caused by an item
                    worker.end()
                    worker.begin()
                else:
                    self._open.popleft()

    def _collect(self, worker: KillableWorker) -> None:
        index = worker.index
        if index is None:
            return
        if worker.future.done():
            worker.index = None
            try:
                result = worker.future.result()
            except BrokenProcessPool as reason:
                self._replace(worker, index, "its process died, perhaps out of memory", reason)
                return
            if index != _STARTING:
                self._finished[index] = result
        elif time.monotonic() - worker.since > self._seconds:
            self._fatal.add(index)  # it would take as long again
            self._replace(worker, index, f"not done in {self._seconds:g} s", None)

    def _replace(self, worker: KillableWorker, index: int, why: str, reason: BaseException | None) -> None:
        """Replace a process that died or hangs; its item is tried once more, or is lost."""
        if self._lost is None or index == _STARTING:
            raise WorkerLost from reason
        if index in self._fatal:
            self._finished[index] = self._lost(self._items[index], why)
        else:
            self._fatal.add(index)
            self._open.appendleft(index)
        worker.end()
        worker.begin()


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Processes started in the block ignore Ctrl-C; the parent handles it and ends them."""
    if sys.platform == "win32":  # which cannot block signals
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # it starts with the first process else, and lets signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def worker_environment() -> None:
    """Set what processes that are started from here are to find in their environment, where the user has not."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


_worker: Callable[[Any], Any] | None = None


def _start_worker(packed: bytes) -> None:
    """Call the pickled `start`. Its errors are raised by the first item; raised here they would be lost."""
    global _worker
    exit_with_parent()
    try:
        start, arguments = pickle.loads(packed)
        _worker = start(*arguments)
    except Exception as reason:
        _worker = functools.partial(_fail, reason)


def _fail(reason: Exception, item: Any) -> None:
    raise reason


def exit_with_parent() -> None:
    """Exit when the parent dies; otherwise a worker would wait for work for ever."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work(item: Any) -> Any:
    if _worker is None:
        raise FacereliefError("the worker was not started")
    return _worker(item)
