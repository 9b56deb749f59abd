"""Work spread over processes that end with their parent and leave Ctrl-C to it."""

import contextlib
import functools
import multiprocessing.connection
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from facerelief.errors import FacereliefError

Item = TypeVar("Item")
Result = TypeVar("Result")
_FEW = 16  # items for which no process is started


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
) -> Iterator[Result]:
    """Yield `start(*arguments)(item)` of every item, in order; each process calls `start` once.

    workers: processes, by default one a core. here: what `start` gave in this process already, used where one worker is
    enough. Raises `WorkerLost` where a process dies, and whatever `start` and the work raise.
    """
    count = workers or os.cpu_count() or 1
    if count == 1 or len(items) < _FEW:
        yield from map(here or start(*arguments), items)
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one thread a worker: the workers use the cores
    context, packed = multiprocessing.get_context("spawn"), pickle.dumps((start, arguments))
    with ProcessPoolExecutor(count, context, _start_worker, (packed,)) as pool:
        try:
            with without_interrupts():  # while the processes start
                rows = pool.map(_work, items, chunksize=min(8, max(1, len(items) // (8 * count))))
            yield from rows
        except BrokenProcessPool as reason:
            raise WorkerLost from reason
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def alone(start: Callable[..., Callable[[Item], Result]], arguments: tuple[Any, ...], item: Item) -> Result:
    """`start(*arguments)(item)` in a process of its own. Raises `WorkerLost` where that ends it."""
    context, packed = multiprocessing.get_context("spawn"), pickle.dumps((start, arguments))
    with ProcessPoolExecutor(1, context, _start_worker, (packed,)) as pool:
        try:
            with without_interrupts():
                work = pool.submit(_work, item)
            return work.result()
        except BrokenProcessPool as reason:
            raise WorkerLost from reason


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
