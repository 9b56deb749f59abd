"""A graph of dependent jobs, run in one or several processes. If a job fails, those that depend on it fail too."""

import contextlib
import functools
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from facerelief.errors import FacereliefError
from facerelief.processes.cores import available_cores
from facerelief.processes.own_processes import OwnProcesses
from facerelief.processes.pool import exit_with_parent, without_interrupts
from facerelief.processes.threads import limit_threads

JobFunction = Callable[[str], Any]
OnFinished = Callable[[str, Any], None]  # (name of a job, its result)


def run_graph(
    needs: Mapping[str, Sequence[str]],
    start: Callable[..., JobFunction],
    arguments: tuple[Any, ...],
    processes: int,
    finished: OnFinished = lambda name, result: None,
) -> dict[str, str]:
    """Run every job after its dependencies.

    Args:
        needs: The dependencies of each job; unknown ones count as done. Jobs start in this order if they can.
        start: Called once per process as `start(*arguments)`; returns the function that runs a job by name.
        arguments: Of `start`.
        processes: How many.
        finished: Called with the name and result of each finished job.

    Returns:
        The failures: messages by job.

    Raises:
        FacereliefError: A process died.

    Example:
        >>> run_graph({"b": ["a"], "a": []}, lambda: print, (), 1)
        a
        b
        {}
    """
    waiting = {name: {one for one in before if one in needs} for name, before in needs.items()}
    failures: dict[str, str] = {}
    if processes == 1:
        work = start(*arguments)
        while waiting:
            name = _ready(waiting)
            _settle(name, *_attempt(work, name), waiting, failures, finished)
        return failures
    setting, own = (start, arguments, threads_of(processes)), OwnProcesses()
    with contextlib.ExitStack() as stack:
        # A pool a process: one pool of several does not always notice that one of them has died.
        idle = [ProcessPoolExecutor(1, own, _start, setting) for _ in range(processes)]
        for pool in idle:
            stack.enter_context(pool)
        try:
            _run_all([*idle], waiting, failures, finished)
        except BaseException as reason:  # a job may run for hours: it is ended, and resumed another time
            for child in own.started():
                child.terminate()
            if isinstance(reason, BrokenProcessPool):
                raise FacereliefError(
                    "a process died, perhaps out of memory; run the same command again with fewer --processes"
                ) from reason
            raise
    return failures


def threads_of(processes: int) -> int:
    """Threads per process."""
    return max(1, available_cores() // processes)


def _run_all(
    idle: list[ProcessPoolExecutor],
    waiting: dict[str, set[str]],
    failures: dict[str, str],
    finished: OnFinished,
) -> None:
    running: dict[Future[tuple[Any, str | None]], tuple[str, ProcessPoolExecutor]] = {}
    while waiting or running:
        while idle and (name := _ready(waiting)):
            del waiting[name]
            pool = idle.pop()
            with without_interrupts():
                running[pool.submit(_call, name)] = name, pool
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            name, pool = running.pop(future)
            idle.append(pool)
            _settle(name, *future.result(), waiting, failures, finished)


def _ready(waiting: Mapping[str, set[str]]) -> str:
    """The first job whose dependencies are done, or ""."""
    return next((name for name, before in waiting.items() if not before), "")


def _settle(
    name: str,
    result: Any,
    problem: str | None,
    waiting: dict[str, set[str]],
    failures: dict[str, str],
    finished: OnFinished,
) -> None:
    """Record a job's result. If it failed, the jobs that depend on it fail too."""
    waiting.pop(name, None)
    if problem is None:
        for before in waiting.values():
            before.discard(name)
        finished(name, result)
        return
    failures[name] = problem
    for other in [other for other, before in waiting.items() if name in before]:
        if other in waiting:
            _settle(other, None, f"needs {name}, which failed", waiting, failures, finished)


def _attempt(work: JobFunction, name: str) -> tuple[Any, str | None]:
    """A job's result, or why it failed. Programming errors are not caught."""
    try:
        return work(name), None
    except FacereliefError as reason:
        return None, str(reason)


_INTERRUPTED = 130  # exit code
_work: JobFunction | None = None


def _start(start: Callable[..., JobFunction], arguments: tuple[Any, ...], threads: int) -> None:
    global _work
    exit_with_parent()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a training then saves its state
    quiet = os.open(os.devnull, os.O_WRONLY)  # only the parent prints
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    limit_threads(threads)
    try:
        _work = start(*arguments)
    except Exception as reason:  # what is raised here would be lost: the first job raises it
        _work = functools.partial(_fail, reason)


def _fail(reason: Exception, name: str) -> None:
    raise reason


def _call(name: str) -> tuple[Any, str | None]:
    if _work is None:
        raise FacereliefError("the process was not started")
    try:
        return _attempt(_work, name)
    except (
        KeyboardInterrupt
    ):  # by SIGTERM; the pool would take it for the job's result, and wait for this process for ever
        os._exit(_INTERRUPTED)
