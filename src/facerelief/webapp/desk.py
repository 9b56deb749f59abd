"""The desk between the network and the work: so many places, so many at work, and nothing done for those who left.

A request takes a place before its body is read, and keeps it until its work has ended. Where all places are taken, or
the bodies in memory would grow too large, the next one is asked to come again.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from facerelief.webapp.limits import Limits, Ticket, too_slow
from facerelief.webapp.problems import Abandoned, Problem

T = TypeVar("T")


class Place:
    """One request's place at the desk."""

    def __init__(self, desk: "Desk") -> None:
        self._desk, self._bytes = desk, 0

    async def read(self, request: Request) -> bytes:
        """The request's body. Raises `Problem` where it is too large or too slow, `Abandoned` where the client goes."""
        limits = self._desk.limits
        chunks: list[bytes] = []
        try:
            async with asyncio.timeout(limits.upload_s):
                async for chunk in request.stream():
                    self._take(len(chunk))
                    chunks.append(chunk)
        except TimeoutError as reason:
            raise Problem("slow_upload", "the upload took too long", "send a smaller photo") from reason
        except ClientDisconnect as reason:
            raise Abandoned from reason
        return b"".join(chunks)

    def _take(self, count: int) -> None:
        limits = self._desk.limits
        self._bytes += count
        self._desk.held += count
        if self._bytes > limits.body:
            raise Problem("too_large", f"the request is larger than {limits.body // 2**20} MiB", "send a smaller photo")
        if self._desk.held > limits.held:
            raise self._desk.busy()

    def give_back(self) -> None:
        """Forget the bytes that were counted."""
        self._desk.held -= self._bytes
        self._bytes = 0


class Desk:
    """Admits requests and has their work done by threads. For use in one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.taken = self.held = self.abandoned = 0
        self._mean_s = 0.2  # of the work of late
        self._busy: set[int] = set()
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="facerelief")

    @property
    def at_work(self) -> int:
        """Requests that are being computed."""
        return len(self._busy)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place. Raises `Problem` where all are taken."""
        if self.taken >= self.limits.places:
            raise self.busy()
        self.taken += 1
        place = Place(self)
        try:
            yield place
        except Abandoned:
            self.abandoned += 1
            raise
        finally:
            place.give_back()
            self.taken -= 1

    def busy(self) -> Problem:
        """The answer to one too many, with the time after which those at the desk will be done."""
        wait = max(1, math.ceil(self.taken * self._mean_s / self.limits.workers))
        message = f"{self.taken} requests are at work or waiting"
        return Problem("busy", message, f"come again in {wait} s", {"Retry-After": str(wait)})

    async def run(self, request: Request, work: Callable[[Ticket], T]) -> T:
        """Have `work` done, which is given a ticket to check; the request's body must have been read.

        Raises `Abandoned` when the client goes and `Problem` when the time is up; then the work is not begun, or ends
        at its next check.
        """
        ticket = Ticket(time.monotonic() + self.limits.answer_s)
        submitted = self._threads.submit(self._timed, work, ticket)
        job, gone = asyncio.wrap_future(submitted), asyncio.ensure_future(_gone(request))
        both: set[asyncio.Future[Any]] = {job, gone}
        try:
            await asyncio.wait(both, timeout=self.limits.answer_s, return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                return job.result()
            job.add_done_callback(_forget)
            ticket.leave()
            submitted.cancel()
            if gone.done():
                raise Abandoned
            raise too_slow()
        finally:
            gone.cancel()

    def _timed(self, work: Callable[[Ticket], T], ticket: Ticket) -> T:
        ticket.check()
        self._busy.add(threading.get_ident())
        start = time.monotonic()
        try:
            return work(ticket)
        finally:
            self._mean_s += 0.1 * (time.monotonic() - start - self._mean_s)
            self._busy.discard(threading.get_ident())

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _gone(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _forget(job: "asyncio.Future[Any]") -> None:
    """Nobody asks for the outcome of abandoned work, which is no fault."""
    if not job.cancelled():
        job.exception()
