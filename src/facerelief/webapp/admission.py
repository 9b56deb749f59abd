"""Admission control: a bounded queue in front of the workers, and byte budgets for bodies and responses.

A request's body is read first; only then does the request take a place, which it keeps until its work has ended; then
its response is sent. If memory is short, the slowest transfer is evicted once it has had its first seconds, so slow
clients keep nobody out. If that does not help, or all places are taken, the request is refused with `Retry-After`.
"""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from facerelief.webapp.errors import ApiError, RequestCancelled
from facerelief.webapp.server.buffers import ByteBudget, Transfer
from facerelief.webapp.server.limits import CancelToken, Limits, too_slow
from facerelief.webapp.server.workers import WorkerPool, stuck

_T = TypeVar("_T")


class AdmissionControl:
    """Admits requests, runs their work in the pool, and counts their memory. For use in one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.workers = limits, WorkerPool(limits.workers)
        self.bodies = ByteBudget(limits.held, limits.grace_s)
        self.responses = ByteBudget(limits.unsent, limits.grace_s)
        self.taken = 0
        self.stopping = False
        self._clients: Counter[str] = Counter()

    def check(self, client: str) -> None:
        """Raises `ApiError` if a client's request would get no place."""
        if self.stopping:
            raise _stopping()
        if self.workers.stuck:
            raise stuck()
        if self.taken >= self.limits.places:
            raise self.busy()
        if self._clients[client] >= self.limits.client_places:
            message = f"{self._clients[client]} of your requests are running or queued"
            raise ApiError("rate_limited", message, "wait for their answers", {"Retry-After": "1"})

    def health(self) -> tuple[str, str]:
        """The server's state in one word, and why it takes no requests ("" if it does)."""
        if self.stopping:
            return "ending", "the server is stopping"
        if self.workers.stuck:
            return "stuck", stuck().message
        return "ok", ""

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytearray]:
        """A request's body, counted as held within the block; its reader may empty it.

        Raises:
            ApiError: It is too large, too slow, or was evicted.
            RequestCancelled: The client has disconnected.
        """
        started = asyncio.get_running_loop().time()
        slow = asyncio.timeout(self.limits.grace_s)
        transfer, body = Transfer(0, lambda: _end_now(slow)), bytearray()
        with self.bodies.counted(transfer):
            try:
                async with slow:
                    async for chunk in request.stream():
                        self._take(transfer, len(chunk))
                        body += chunk
                        in_time_s = self.limits.grace_s + transfer.moved / self.limits.min_upload_rate
                        slow.reschedule(started + min(self.limits.upload_timeout_s, in_time_s))
            except TimeoutError as reason:
                raise self._too_late(transfer) from reason
            except ClientDisconnect as reason:
                raise RequestCancelled from reason
            transfer.abort = None
            yield body

    def _take(self, transfer: Transfer, count: int) -> None:
        """Count bytes of a body. Raises `ApiError` if it, or all bodies together, are too large."""
        if transfer.moved + count > self.limits.body:
            message = f"the request is larger than {self.limits.body // 2**20} MiB"
            raise ApiError("too_large", message, "send a smaller photo")
        if transfer.evicted:  # it ends at its next wait
            raise self._too_late(transfer)
        if not self.bodies.make_room(count, transfer):
            raise self.busy()
        transfer.moved += count
        transfer.held += count

    def _too_late(self, transfer: Transfer) -> ApiError:
        if self.stopping:
            return _stopping()
        if transfer.evicted:
            return ApiError("busy", "faster uploads needed the memory", "try again in 5 s", {"Retry-After": "5"})
        return ApiError("slow_upload", "the upload took too long", "send a smaller photo")

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Hold a place within the block. Raises `ApiError` if there is none."""
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
    def sending(self, count: int, abort: Callable[[], None]) -> Iterator[Transfer]:
        """Send a response of `count` bytes within the block.

        Args:
            count: Bytes.
            abort: Cuts the connection off when the response is evicted.

        Raises:
            ApiError: Too many bytes wait for clients to receive them.
        """
        if not self.responses.make_room(count):
            raise ApiError("busy", "many answers are being sent", "try again soon", {"Retry-After": "5"})
        with self.responses.counted(Transfer(count, abort)) as transfer:
            yield transfer

    def busy(self) -> ApiError:
        """The error of a request for which there is no place, with the estimated time until there is one."""
        wait = max(1, math.ceil(self.workers.wait_s(self.taken)))
        message = f"{self.taken} requests are running or queued"
        return ApiError("busy", message, f"try again in {wait} s", {"Retry-After": str(wait)})

    async def run(self, request: Request, work: Callable[[CancelToken], _T]) -> _T:
        """Run `work` in the pool and wait for its result; the request's body must have been read.

        Work that is cancelled is not started, or ends at its next check of the token.

        Raises:
            RequestCancelled: The client has disconnected.
            ApiError: The time is up.
        """
        job = self.workers.submit(work, CancelToken(time.monotonic() + self.limits.timeout_s))
        gone = asyncio.ensure_future(_gone(request))
        both: set[asyncio.Future[Any]] = {job.done, gone}
        try:
            await asyncio.wait(both, timeout=self.limits.timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if job.done.done():
                return job.done.result()
            raise RequestCancelled if gone.done() else too_slow()
        finally:
            gone.cancel()
            self.workers.cancel(job)

    def stop(self) -> None:
        """Let running requests finish; refuse queued and new ones."""
        self.stopping = True
        self.workers.refuse_queued(_stopping)
        self.bodies.evict_all()

    def close(self) -> None:
        """Let the threads end."""
        self.workers.close()


def _stopping() -> ApiError:
    return ApiError("busy", "the server is stopping", "try again when it is back", {"Retry-After": "5"})


def _end_now(slow: asyncio.Timeout) -> None:
    """Let a timeout expire at once, unless it is just ending."""
    with contextlib.suppress(RuntimeError):
        slow.reschedule(asyncio.get_running_loop().time())


async def _gone(request: Request) -> None:
    """Return once the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
