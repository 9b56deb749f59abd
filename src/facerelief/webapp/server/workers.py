"""The worker threads, and what happens to work that does not stop.

A cancelled job stops at its next check of its token; a single step, such as a decoder's, cannot be interrupted. A job
that still runs some seconds after its deadline is abandoned: another thread takes its place in the pool. If as many
jobs are abandoned as there are workers and all running ones are late too, the server is stuck until one of them ends.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from facerelief.webapp.errors import ApiError
from facerelief.webapp.server.limits import CancelToken

_LATE_S = 5.0  # after the deadline or the cancellation, until a job is abandoned
_RECHECK_S = 1.0  # between looks at late jobs that cannot be abandoned
Task = Callable[[CancelToken], Any]


class WorkerJob:
    """One piece of work. done: awaits its result. started: when a thread took it."""

    def __init__(self, work: Task, token: CancelToken) -> None:
        self.work, self.token = work, token
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.started = 0.0
        self.timer: asyncio.TimerHandle | None = None

    @property
    def late(self) -> bool:
        """Whether it still runs some seconds after its deadline."""
        return time.monotonic() > self.token.deadline + _LATE_S


class WorkerPool:
    """Runs jobs first in, first out, `count` at once. For use in one event loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads = ThreadPoolExecutor(2 * count, thread_name_prefix="facerelief")
        self._queue: deque[WorkerJob] = deque()
        self._active: set[WorkerJob] = set()
        self._abandoned: set[WorkerJob] = set()
        self._running: set[WorkerJob] = set()  # updated by the threads themselves
        self._mean_s = 0.2  # moving average of a job's time

    @property
    def running(self) -> int:
        """Jobs that threads run, abandoned ones included."""
        return len(self._running)

    @property
    def stuck(self) -> bool:
        """Whether every thread runs a late job."""
        full = len(self._active) == self.count and len(self._abandoned) == self.count
        return full and all(job.late for job in self._active)

    def wait_s(self, count: int) -> float:
        """Estimated seconds until `count` jobs are done."""
        return count * self._mean_s / self.count

    def submit(self, work: Task, token: CancelToken) -> WorkerJob:
        """Queue work; await the returned job's `done`."""
        job = WorkerJob(work, token)
        self._queue.append(job)
        self._start_next()
        return job

    def cancel(self, job: WorkerJob) -> None:
        """Cancel a job: it is not started, or ends at its next check."""
        job.token.cancel()
        if job in self._queue:
            self._queue.remove(job)
        job.done.cancel()
        if job in self._active:
            self._check_later(job, _LATE_S)

    def refuse_queued(self, why: Callable[[], Exception]) -> None:
        """Fail the queued jobs with an error."""
        while self._queue:
            job = self._queue.popleft()
            if not job.done.done():
                job.done.set_exception(why())

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start_next(self) -> None:
        while self._queue and len(self._active) < self.count:
            job = self._queue.popleft()
            self._active.add(job)
            job.started = time.monotonic()
            self._check_later(job, job.token.deadline - job.started + _LATE_S)
            future = asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)
            future.add_done_callback(lambda future, job=job: self._finish(job, future))  # type: ignore[misc]

    def _check_later(self, job: WorkerJob, seconds: float) -> None:
        """Check in some seconds whether the job still runs."""
        if job.timer:
            job.timer.cancel()
        job.timer = asyncio.get_running_loop().call_later(max(0.01, seconds), self._abandon, job)

    def _abandon(self, job: WorkerJob) -> None:
        """Give a late job's place to the next one, if a spare thread is left."""
        if len(self._abandoned) < self.count:
            self._active.remove(job)
            self._abandoned.add(job)
            self._start_next()
            return
        if self.stuck:
            self.refuse_queued(stuck)
        self._check_later(job, _RECHECK_S)

    def _finish(self, job: WorkerJob, future: "asyncio.Future[Any]") -> None:
        if job.timer:
            job.timer.cancel()
        self._active.discard(job)
        self._abandoned.discard(job)
        self._mean_s += 0.1 * (time.monotonic() - job.started - self._mean_s)
        if future.cancelled():
            job.done.cancel()
        elif error := future.exception():
            if not job.done.done():
                job.done.set_exception(error)
        elif not job.done.done():
            job.done.set_result(future.result())
        self._start_next()

    def _run(self, job: WorkerJob) -> Any:
        job.token.check()
        self._running.add(job)
        try:
            return job.work(job.token)
        finally:
            self._running.discard(job)


def stuck() -> ApiError:
    """The error of requests while every worker runs a late job."""
    message = "all workers are busy with work that takes too long"
    return ApiError("busy", message, "try again later", {"Retry-After": "30"})
