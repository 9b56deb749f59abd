"""The threads that do the work, and what becomes of those that cannot be stopped.

Work is asked to stop by its ticket, which it looks at between steps; a step itself, inside a decoder say, cannot be
stopped. Work that has not ended a while after it should have is written off: another thread takes its place, so that
others are served beside it. Where as many are written off as there are workers, and all at work are late as well, the
server is stuck until one of them ends.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from facerelief.webapp.errors import Problem
from facerelief.webapp.server.limits import Ticket

_LATE = 5.0  # seconds after the deadline, or after the client went, until work is written off
_AGAIN = 1.0  # seconds until late work that cannot be written off is looked at again
Work = Callable[[Ticket], Any]


class Job:
    """One piece of work. done: its outcome, to be awaited. begun: when it was given to a thread."""

    def __init__(self, work: Work, ticket: Ticket) -> None:
        self.work, self.ticket = work, ticket
        self.done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.begun = 0.0
        self.watch: asyncio.TimerHandle | None = None

    @property
    def late(self) -> bool:
        """Whether it has not ended a while after its deadline."""
        return time.monotonic() > self.ticket.deadline + _LATE


class Workers:
    """Does jobs in the order in which they come, `count` at once. For use in one event loop."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._threads = ThreadPoolExecutor(2 * count, thread_name_prefix="facerelief")
        self._queue: deque[Job] = deque()
        self._at_work: set[Job] = set()
        self._written_off: set[Job] = set()
        self._inside: set[Job] = set()  # kept by the threads themselves
        self._mean_s = 0.2  # of the work of late

    @property
    def at_work(self) -> int:
        """Jobs that threads are at, those written off too."""
        return len(self._inside)

    @property
    def stuck(self) -> bool:
        """Whether all threads, those taken in place of others too, are late."""
        full = len(self._at_work) == self.count and len(self._written_off) == self.count
        return full and all(job.late for job in self._at_work)

    def wait_s(self, count: int) -> float:
        """Seconds after which `count` jobs will be done, roughly."""
        return count * self._mean_s / self.count

    def submit(self, work: Work, ticket: Ticket) -> Job:
        """Have work done; await the job's `done`."""
        job = Job(work, ticket)
        self._queue.append(job)
        self._begin()
        return job

    def leave(self, job: Job) -> None:
        """Nobody waits for a job any more: it is not begun, or ends at its next check."""
        job.ticket.leave()
        if job in self._queue:
            self._queue.remove(job)
        job.done.cancel()
        if job in self._at_work:
            self._watch(job, _LATE)

    def refuse(self, why: Callable[[], Exception]) -> None:
        """End the jobs that have not begun with an error."""
        while self._queue:
            job = self._queue.popleft()
            if not job.done.done():
                job.done.set_exception(why())

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _begin(self) -> None:
        while self._queue and len(self._at_work) < self.count:
            job = self._queue.popleft()
            self._at_work.add(job)
            job.begun = time.monotonic()
            self._watch(job, job.ticket.deadline - job.begun + _LATE)
            future = asyncio.get_running_loop().run_in_executor(self._threads, self._do, job)
            future.add_done_callback(lambda future, job=job: self._ended(job, future))  # type: ignore[misc]

    def _watch(self, job: Job, seconds: float) -> None:
        """Look after a while whether the job is late."""
        if job.watch:
            job.watch.cancel()
        job.watch = asyncio.get_running_loop().call_later(max(0.01, seconds), self._look, job)

    def _look(self, job: Job) -> None:
        if len(self._written_off) < self.count:
            self._at_work.remove(job)
            self._written_off.add(job)
            self._begin()
            return
        if self.stuck:
            self.refuse(stuck)
        self._watch(job, _AGAIN)

    def _ended(self, job: Job, future: "asyncio.Future[Any]") -> None:
        if job.watch:
            job.watch.cancel()
        self._at_work.discard(job)
        self._written_off.discard(job)
        self._mean_s += 0.1 * (time.monotonic() - job.begun - self._mean_s)
        if future.cancelled():
            job.done.cancel()
        elif error := future.exception():
            if not job.done.done():
                job.done.set_exception(error)
        elif not job.done.done():
            job.done.set_result(future.result())
        self._begin()

    def _do(self, job: Job) -> Any:
        job.ticket.check()
        self._inside.add(job)
        try:
            return job.work(job.ticket)
        finally:
            self._inside.discard(job)


def stuck() -> Problem:
    """The answer where all workers are held up."""
    message = "all workers are held up by work that takes too long"
    return Problem("busy", message, "come again later", {"Retry-After": "30"})
