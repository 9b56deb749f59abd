"""Work spread over processes: as if one had done it, and nothing is left behind. The work is the standard library's."""

import collections
import contextlib
import errno
import functools
import importlib
import operator
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from children import spawned

from facerelief.errors import FacereliefError
from facerelief.expressions import EXPRESSIONS, resolve
from facerelief.processes import pool
from facerelief.processes.pool import KillableWorker, WorkerLost, WorkerProcess, map_in_processes, run_in_process
from facerelief.processes.worker_pool import worker_pool

MANY = list(range(40))
FATAL = "its process died, perhaps out of memory"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers get one thread each by a variable that later tests need not see."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")


def no_children() -> bool:
    return not spawned()


def counting(calls: list[object]) -> Callable[..., Callable[[int], int]]:
    """A `start` that notes what it was called with, and whose work no process could be given."""

    def start(*arguments: int) -> Callable[[int], int]:
        calls.append(arguments)
        return lambda item: item + sum(arguments)

    return start


# -- in this process ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "workers"), [(40, 1), (15, 2), (15, None), (0, 4)])
def test_one_worker_or_few_items_start_no_process(count: int, workers: int | None) -> None:
    calls: list[object] = []
    found = list(map_in_processes(counting(calls), (3, 4), MANY[:count], workers))
    assert found == [item + 7 for item in MANY[:count]]
    assert calls == [(3, 4)]


def test_what_was_started_here_is_used_here() -> None:
    calls: list[object] = []
    assert list(map_in_processes(counting(calls), (), MANY, 1, here=operator.neg)) == [-item for item in MANY]
    assert calls == []


def test_items_are_done_when_they_are_asked_for() -> None:
    done: list[int] = []
    work = map_in_processes(lambda: done.append, (), MANY, 1)
    assert done == []
    next(work)
    assert done == [0]


def test_an_exception_of_the_work_itself_is_passed_on() -> None:
    found: Iterator[float] = map_in_processes(functools.partial, (operator.truediv, 12), [4, 3, 0], 1)
    assert (next(found), next(found)) == (3, 4)
    with pytest.raises(ZeroDivisionError):
        next(found)


# -- in others ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [16, 40])
def test_two_workers_give_what_one_gives_in_its_order(count: int) -> None:
    one, two = (list(map_in_processes(functools.partial, (pow, 3), MANY[:count], workers)) for workers in (1, 2))
    assert two == one == [3**n for n in range(count)]
    assert no_children()


def test_each_process_is_started_once() -> None:
    """Each draws from a stream of its own, of which all are equal: whoever begins anew would repeat the first draw."""
    stream = random.Random(5)
    expected = [stream.getrandbits(64) for _ in MANY]
    found = list(map_in_processes(getattr, (random.Random(5), "getrandbits"), [64] * 40, 2, here=lambda _: 0))
    times = collections.Counter(found)
    drawn = [times.pop(value, 0) for value in expected]
    assert not times
    assert max(drawn) <= 2
    assert drawn == sorted(drawn, reverse=True)


def test_an_exception_in_a_worker_is_passed_on() -> None:
    names: list[str] = [*EXPRESSIONS, *EXPRESSIONS, "bored", *EXPRESSIONS]
    with pytest.raises(FacereliefError, match="unknown expression 'bored'; choose from neutral"):
        list(map_in_processes(functools.partial, (resolve,), names, 2))
    assert no_children()


@pytest.mark.parametrize(
    ("start", "arguments"),
    [(functools.partial, (os._exit,)), (os._exit, (3,))],
    ids=["at work", "at the start"],
)
def test_a_worker_that_dies(start: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    with pytest.raises(FacereliefError) as caught:
        list(map_in_processes(start, arguments, [3] * 16, 2))
    message = str(caught.value)
    assert message.startswith("a worker process died, perhaps out of memory; run the same command again")
    assert "\n" not in message
    assert no_children()


class Unreadable:
    """What only a worker fails to read: it needs a module that is not there."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return importlib.import_module, ("no_module_of_this_name",)


@pytest.mark.parametrize(
    ("start", "arguments", "kind", "message"),
    [
        (resolve, ("bored",), FacereliefError, "unknown expression 'bored'; choose from neutral"),
        (open, ("nowhere/at/all",), FileNotFoundError, "No such file or directory: 'nowhere/at/all'"),
        (functools.partial, (pow, Unreadable()), ModuleNotFoundError, "no_module_of_this_name"),
    ],
    ids=["its own line", "a file", "an import"],
)
def test_a_worker_that_cannot_start_says_why(
    start: Callable[..., Any], arguments: tuple[Any, ...], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        list(map_in_processes(start, arguments, MANY, 2))
    assert no_children()


def test_items_that_a_process_dies_of_or_hangs_at_are_lost_alone() -> None:
    """Everything else is done, in its place, once, whatever came before it."""
    items = [0.0] * 20
    items[3], items[11] = 1e6, 2e6  # seconds to sleep
    reasons: list[str] = []

    def lost(item: float, why: str) -> float:
        reasons.append(why)
        return item

    assert list(map_in_processes(functools.partial, (time.sleep,), items, 2, lost=lost, seconds=3)) == [
        item or None for item in items
    ]
    assert reasons == ["not done in 3 s"] * 2
    assert no_children()


@pytest.mark.parametrize("workers", [1, 2, None])
def test_of_few_items_too_those_that_hang_are_lost_alone(workers: int | None) -> None:
    items = [0.0, 30.0, 0.0]  # seconds to sleep
    found = map_in_processes(
        functools.partial, (time.sleep,), items, workers, here=time.sleep, lost=lambda i, why: why, seconds=2
    )
    assert list(found) == [None, "not done in 2 s", None]
    assert not [*map_in_processes(functools.partial, (time.sleep,), [], workers, lost=lambda i, why: why)]
    assert no_children()


@pytest.mark.parametrize("workers", [1, 2])
def test_items_that_end_their_process_are_lost_and_no_other(workers: int) -> None:
    """Signal 0 is none, 9 ends the process."""
    items = [0] * 18
    items[2] = items[17] = signal.SIGKILL
    found = list(
        map_in_processes(functools.partial, (signal.raise_signal,), items, workers, lost=lambda item, why: why)
    )
    assert found == [why if item else None for item, why in zip(items, [FATAL] * 18, strict=True)]
    assert no_children()


def test_a_process_that_is_killed_while_it_waits_is_replaced() -> None:
    """Nothing of its is lost: it had no item. There is one process, which waits while nobody asks for results."""
    work = map_in_processes(functools.partial, (pow, 2), list(range(60)), 1, lost=lambda item, why: why)
    found = [next(work) for _ in range(5)]
    time.sleep(0.5)  # it is done with what it may do ahead
    for process in spawned():
        process.kill()
        process.join(60)
    time.sleep(1)  # until the pool has noticed
    assert [*found, *work] == [2**n for n in range(60)]
    assert no_children()


def test_work_alone_ends_in_time() -> None:
    assert run_in_process(functools.partial, (pow, 3), 4, seconds=100) == 81
    with pytest.raises(WorkerLost):
        run_in_process(functools.partial, (time.sleep,), 1e6, seconds=1)
    with pytest.raises(WorkerLost):
        run_in_process(functools.partial, (os._exit,), 3)
    assert no_children()


def test_work_that_is_given_up_leaves_nobody_behind() -> None:
    work = map_in_processes(functools.partial, (pow, 3), MANY, 2)
    assert next(work) == 1
    assert not no_children()
    if hasattr(signal, "pthread_sigmask"):  # Ctrl-C is held back from the workers only
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    work.close()  # type: ignore[attr-defined]
    assert no_children()


# -- processes that stay, and whose they are ------------------------------------------------------------------------


def test_an_error_of_one_map_is_none_of_the_next() -> None:
    process = WorkerProcess(functools.partial, (operator.truediv, 12))
    try:
        found = process.map([4, 0, 3])
        assert next(found) == 3
        with pytest.raises(ZeroDivisionError):
            next(found)
        assert list(process.map([6, 3, 2])) == [2, 4, 6]
    finally:
        process.end()
    assert no_children()


@pytest.mark.parametrize("item", ["kill", "hang"])
def test_a_map_of_which_the_process_died_or_hung_leaves_a_new_one(item: str) -> None:
    process = WorkerProcess(functools.partial, (eval,))
    try:
        fatal = {"kill": "__import__('os')._exit(3)", "hang": "__import__('time').sleep(1e6)"}[item]
        with pytest.raises(WorkerLost):
            list(process.map(["1", fatal, "3"], seconds=2))
        assert list(process.map(["4", "5"])) == [4, 5]
    finally:
        process.end()
    assert no_children()


def test_a_worker_ends_no_process_of_another_that_was_started_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[KillableWorker] = []
    without_interrupts = pool.without_interrupts

    def starting() -> contextlib.AbstractContextManager[None]:
        monkeypatch.setattr(pool, "without_interrupts", without_interrupts)
        others.append(KillableWorker(functools.partial, (pow, 2)))
        return without_interrupts()

    monkeypatch.setattr(pool, "without_interrupts", starting)
    first = KillableWorker(functools.partial, (pow, 3))
    first.end()
    try:
        assert others[0].submit(5).result() == 32
    finally:
        others[0].end()
    assert no_children()


@pytest.mark.parametrize("used", ["map", "pool"])
def test_where_one_process_cannot_start_the_others_end(monkeypatch: pytest.MonkeyPatch, used: str) -> None:
    begin, begun = KillableWorker.begin, []
    use = {
        "map": lambda *how: list(map_in_processes(*how, MANY, 3)),
        "pool": lambda *how: contextlib.ExitStack().enter_context(worker_pool(*how, 3)),
    }

    def refuse_third(self: KillableWorker) -> None:
        if len(begun) == 2:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        begun.append(self)
        begin(self)

    monkeypatch.setattr(KillableWorker, "begin", refuse_third)
    with pytest.raises(BlockingIOError):
        use[used](functools.partial, (pow, 3))
    assert len(begun) == 2
    assert no_children()


def test_no_more_processes_are_started_than_there_are_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would load networks for nothing."""
    begun: list[int] = []

    class Counted(KillableWorker):
        def __init__(self, *arguments: Any) -> None:
            begun.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(pool, "KillableWorker", Counted)
    assert list(map_in_processes(absolute, (), [-1, -2], 6, fewest=1)) == [1, 2]
    assert len(begun) == 2


def absolute() -> Callable[[int], int]:
    return abs
