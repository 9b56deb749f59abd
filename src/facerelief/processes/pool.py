"""Work spread over processes that end with their parent and leave Ctrl-C to it."""

import contextlib
import functools
import math
import multiprocessing.connection
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from facerelief.errors import FacereliefError

Item = TypeVar("Item")
Result = TypeVar("Result")
FEW = 16  # items for which one worker is enough
_AHEAD = 50  # items a process, at most, that are done before an earlier one is
_LOOK = 0.5  # seconds between looks at the clock
_STARTING = -1


class WorkerLost(FacereliefError):
    """A process that ended in the middle of its work."""

    def __str__(self) -> str:
        return "a worker process ended, perhaps for want of memory; run the same command again, with fewer --workers"


def spread(
    start: Callable[..., Callable[[Item], Result]],
    arguments: tuple[Any, ...],
    items: Sequence[Item],
    workers: int | None = None,
    *,
    here: Callable[[Item], Result] | None = None,
    lost: Callable[[Item, str], Result] | None = None,
    seconds: float = math.inf,
) -> Iterator[Result]:
    """Yield `start(*arguments)(item)` of every item, in order; each process calls `start` once.

    workers: processes, by default one a core. here: what `start` gave in this process already, used where one worker is
    enough. lost: what an item gives that its process died of twice, or that took longer than `seconds`, and why; the
    process is replaced, so there is one even for one item. Without it `WorkerLost` is raised. Raises whatever `start`
    and the work raise, too.
    """
    count = 1 if len(items) < FEW else workers or os.cpu_count() or 1
    if not items or (count == 1 and lost is None):
        yield from map(here or start(*arguments), items)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread a worker: the workers use the cores
    helpers = [_Helper(start, arguments) for _ in range(count)]
    try:
        yield from _Crew(helpers, items, lost, seconds).results()
    finally:
        for helper in helpers:
            helper.end()


def alone(
    start: Callable[..., Callable[[Item], Result]], arguments: tuple[Any, ...], item: Item, seconds: float = math.inf
) -> Result:
    """`start(*arguments)(item)` in a process of its own, which is ended where it takes longer than `seconds`.

    Raises `WorkerLost` where it ends before its work does.
    """
    helper = _Helper(start, arguments)
    try:
        helper.give(0, item)
        result: Result = helper.future.result(None if math.isinf(seconds) else seconds)
        return result
    except (BrokenProcessPool, TimeoutError) as reason:
        raise WorkerLost from reason
    finally:
        helper.end()


class _Helper:
    """A process that does one item after the other, and can be ended at any time."""

    def __init__(self, start: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._packed = pickle.dumps((start, arguments))
        self.begin()

    def begin(self) -> None:
        """A fresh process. index: of the item that it is at, `_STARTING` or None. future: of that item."""
        context, before = multiprocessing.get_context("spawn"), {*multiprocessing.active_children()}
        self._pool = ProcessPoolExecutor(1, context, _start_worker, (self._packed,))
        self.index: int | None = _STARTING
        self.since = math.inf
        with without_interrupts():  # while the process starts
            self.future: Future[Any] = self._pool.submit(os.getpid)
        self._processes = {*multiprocessing.active_children()} - before

    def give(self, index: int, item: Any) -> None:
        """Let it do an item."""
        self.index, self.since, self.future = index, time.monotonic(), self._pool.submit(_work, item)

    def end(self) -> None:
        """End it, whatever it is at."""
        if self.index is not None:
            for process in self._processes:
                process.kill()
        self._pool.shutdown(cancel_futures=True)


class _Crew:
    """Helpers and what they have done of the items; arguments as `spread` takes them."""

    def __init__(
        self,
        helpers: list[_Helper],
        items: Sequence[Any],
        lost: Callable[[Any, str], Any] | None,
        seconds: float,
    ) -> None:
        self._helpers, self._items, self._lost, self._seconds = helpers, items, lost, seconds
        self._open = deque(range(len(items)))
        self._finished: dict[int, Any] = {}
        self._fatal: set[int] = set()  # items that a process has died of

    def results(self) -> Iterator[Any]:
        """The results in the order of the items."""
        for told in range(len(self._items)):
            while told not in self._finished:
                self._hand_out(told)
                wait([one.future for one in self._helpers if one.index is not None], _LOOK, FIRST_COMPLETED)
                for helper in self._helpers:
                    self._collect(helper)
            yield self._finished.pop(told)

    def _hand_out(self, told: int) -> None:
        for helper in self._helpers:
            if helper.index is None and self._open and self._open[0] < told + _AHEAD * len(self._helpers):
                try:
                    helper.give(self._open[0], self._items[self._open[0]])
                except BrokenProcessPool:  # killed while it waited: no item is to blame
                    helper.end()
                    helper.begin()
                else:
                    self._open.popleft()

    def _collect(self, helper: _Helper) -> None:
        index = helper.index
        if index is None:
            return
        if helper.future.done():
            try:
                result = helper.future.result()
            except BrokenProcessPool as reason:
                self._replace(helper, index, "the process that was at it ended, perhaps for want of memory", reason)
                return
            helper.index = None
            if index != _STARTING:
                self._finished[index] = result
        elif time.monotonic() - helper.since > self._seconds:
            self._fatal.add(index)  # a second time it would take as long
            self._replace(helper, index, f"not done in {self._seconds:g} s", None)

    def _replace(self, helper: _Helper, index: int, why: str, reason: BaseException | None) -> None:
        """Put a fresh process in place of one that died or hangs; its item is done once more, or is lost."""
        if self._lost is None or index == _STARTING:
            raise WorkerLost from reason
        if index in self._fatal:
            self._finished[index] = self._lost(self._items[index], why)
        else:
            self._fatal.add(index)
            self._open.appendleft(index)
        helper.end()
        helper.begin()


@contextlib.contextmanager
def without_interrupts() -> Iterator[None]:
    """Processes that are started here never get Ctrl-C: it is for the parent, which ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_worker: Callable[[Any], Any] | None = None


def _start_worker(packed: bytes) -> None:
    """Call what was pickled. What that raises, its imports included, the work raises: here it would be lost."""
    global _worker
    end_with_parent()
    try:
        start, arguments = pickle.loads(packed)
        _worker = start(*arguments)
    except Exception as reason:
        _worker = functools.partial(_fail, reason)


def _fail(reason: Exception, item: Any) -> None:
    raise reason


def end_with_parent() -> None:
    """Watch the parent: a worker whose parent was killed would wait for work for ever."""
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
