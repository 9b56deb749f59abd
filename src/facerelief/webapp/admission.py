"""The desk between the network and the work: so many bytes, so many places, and nothing done for those who left.

A request's body is read first; only then does the request take a place, which it keeps until its work has ended; then
its answer is sent. Bodies and unsent answers in memory are bounded. Where memory is short, the slowest of those that
have had some seconds gives way: whoever is slow keeps nobody out. Where that does not help, or all places are taken,
the next one is asked to come again.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from facerelief.webapp.errors import Abandoned, Problem
from facerelief.webapp.server.buffers import Parcel, Parcels
from facerelief.webapp.server.limits import Limits, Ticket, too_slow
from facerelief.webapp.server.workers import Workers, stuck

T = TypeVar("T")


class Desk:
    """Admits requests, has their work done by threads, and keeps account of memory. For use in one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.workers = limits, Workers(limits.workers)
        self.bodies = Parcels(limits.held, limits.grace_s)
        self.answers = Parcels(limits.unsent, limits.grace_s)
        self.taken = 0
        self.ending = False
        self._clients: Counter[str] = Counter()

    def check(self, client: str) -> None:
        """Raises `Problem` where a client's request would get no place."""
        if self.ending:
            raise _closing()
        if self.workers.stuck:
            raise stuck()
        if self.taken >= self.limits.places:
            raise self.busy()
        if self._clients[client] >= self.limits.client_places:
            message = f"{self._clients[client]} of your requests are at work or waiting"
            raise Problem("rate_limited", message, "wait for their answers", {"Retry-After": "1"})

    def health(self) -> tuple[str, str]:
        """How the server does, in a word, and why it cannot take requests, or nothing."""
        if self.ending:
            return "ending", "the server is ending"
        if self.workers.stuck:
            return "stuck", stuck().message
        return "ok", ""

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytearray]:
        """A request's body, which counts as held within the block; whoever reads it may empty it.

        Raises `Problem` where it is too large or too slow or must give way, `Abandoned` where the client goes.
        """
        begun = asyncio.get_running_loop().time()
        slow = asyncio.timeout(self.limits.grace_s)
        parcel, body = Parcel(0, lambda: _end_now(slow)), bytearray()
        with self.bodies.counted(parcel):
            try:
                async with slow:
                    async for chunk in request.stream():
                        self._take(parcel, len(chunk))
                        body += chunk
                        keeps_pace_s = self.limits.grace_s + parcel.moved / self.limits.pace
                        slow.reschedule(begun + min(self.limits.upload_s, keeps_pace_s))
            except TimeoutError as reason:
                raise self._too_late(parcel) from reason
            except ClientDisconnect as reason:
                raise Abandoned from reason
            parcel.give_way = None
            yield body

    def _take(self, parcel: Parcel, count: int) -> None:
        """Count bytes of a body. Raises `Problem` where it is too large, or all bodies together are."""
        if parcel.moved + count > self.limits.body:
            message = f"the request is larger than {self.limits.body // 2**20} MiB"
            raise Problem("too_large", message, "send a smaller photo")
        if parcel.over:  # it ends at its next wait
            raise self._too_late(parcel)
        if not self.bodies.room(count, parcel):
            raise self.busy()
        parcel.moved += count
        parcel.held += count

    def _too_late(self, parcel: Parcel) -> Problem:
        if self.ending:
            return _closing()
        if parcel.over:
            return Problem("busy", "faster uploads needed the memory", "come again in 5 s", {"Retry-After": "5"})
        return Problem("slow_upload", "the upload took too long", "send a smaller photo")

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place within the block. Raises `Problem` where there is none."""
        self.check(client)
        self.taken += 1
        self._clients[client] += 1
        try:
            yield
        finally:
            self.taken -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    @contextlib.contextmanager
    def sending(self, count: int, abort: Callable[[], None]) -> Iterator[Parcel]:
        """An answer of so many bytes is sent within the block; abort: what cuts it off. Raises `Problem` where too
        many bytes wait for clients to take them.
        """
        if not self.answers.room(count):
            raise Problem("busy", "many answers are being sent", "come again soon", {"Retry-After": "5"})
        with self.answers.counted(Parcel(count, abort)) as parcel:
            yield parcel

    def busy(self) -> Problem:
        """The answer to one too many, with the time after which those at the desk will be done."""
        wait = max(1, math.ceil(self.workers.wait_s(self.taken)))
        message = f"{self.taken} requests are at work or waiting"
        return Problem("busy", message, f"come again in {wait} s", {"Retry-After": str(wait)})

    async def run(self, request: Request, work: Callable[[Ticket], T]) -> T:
        """Have `work` done, which is given a ticket to check; the request's body must have been read.

        Raises `Abandoned` when the client goes and `Problem` when the time is up; then the work is not begun, or ends
        at its next check.
        """
        job = self.workers.submit(work, Ticket(time.monotonic() + self.limits.answer_s))
        gone = asyncio.ensure_future(_gone(request))
        both: set[asyncio.Future[Any]] = {job.done, gone}
        try:
            await asyncio.wait(both, timeout=self.limits.answer_s, return_when=asyncio.FIRST_COMPLETED)
            if job.done.done():
                return job.done.result()
            raise Abandoned if gone.done() else too_slow()
        finally:
            gone.cancel()
            self.workers.leave(job)

    def end(self) -> None:
        """Finish what is at work; whatever waits or arrives is told that the server ends."""
        self.ending = True
        self.workers.refuse(_closing)
        self.bodies.end_all()

    def close(self) -> None:
        """Let the threads end."""
        self.workers.close()


def _closing() -> Problem:
    return Problem("busy", "the server is ending", "come again when it is back", {"Retry-After": "5"})


def _end_now(slow: asyncio.Timeout) -> None:
    """Have a timeout end at once, where it is not just ending."""
    with contextlib.suppress(RuntimeError):
        slow.reschedule(asyncio.get_running_loop().time())


async def _gone(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
