"""The connections: how many, how long one may be silent, and how long a client may leave its answer unread.

Where all are taken, the one whose request is the slowest to arrive gives way to the next: idle ones first; then the one
that has been the slowest to take its answer. So those that say nothing, or read slowly, keep nobody out, however many.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from facerelief.webapp.errors import Problem
from facerelief.webapp.server.addresses import client_key
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.server.responses import ABORT

_EVERY = 1.0  # seconds between looks at all connections
_YOUNG = 1.0  # seconds in which a request that has begun to arrive gives way neither to others nor to the end
_FULL = Problem("busy", "too many connections are open", "come again in 1 s", {"Retry-After": "1"})
_SLOW = Problem("slow_upload", "the request's head took too long", "send it at once")
_BROKEN = Problem("bad_request", "this is not HTTP/1.1", "see the API's page at /api")


class Wires:
    """The open connections of one server."""

    def __init__(self, limits: Limits, exempt: Callable[[str], bool], counted: Callable[[str], None]) -> None:
        """exempt: whether an address may have any number of them. counted: told why one was ended."""
        self._limits, self._exempt, self._counted = limits, exempt, counted
        self._open: set[Wire] = set()
        self._head_s = limits.head_s

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, wire: "Wire") -> None:
        """Take a new connection in, in place of another if need be, or refuse it."""
        self._open.add(wire)
        shares = [] if self._exempt(wire.address) else [(wire.key, self._limits.client_connections)]
        for key, most in (*shares, (None, self._limits.connections)):
            others = [one for one in self._open - {wire} if key in (None, one.key)]
            if len(others) < most:
                continue
            slowest = _slowest(others, self._limits.grace_s)
            if slowest is None:
                self._end(wire, "full", _FULL)
                return
            self._end(slowest, "gave_way")

    def discard(self, wire: "Wire") -> None:
        """Forget one that is closed."""
        self._open.discard(wire)

    def watch(self) -> None:
        """End connections that are silent or take no answer, now and from now on."""
        for wire in list(self._open):
            if wire.stalled_s > self._limits.send_s:
                self._end(wire, "unread")
            elif wire.idle and not wire.transport.is_closing() and wire.seconds > self._head_s:
                self._end(wire, "silent", _SLOW if wire.received else None)
        asyncio.get_running_loop().call_later(_EVERY, self.watch)

    def end(self) -> None:
        """Have no patience any more with connections that are silent."""
        self._head_s = min(self._head_s, _YOUNG)

    def abort(self) -> None:
        """End all."""
        for wire in list(self._open):
            wire.transport.abort()

    def _end(self, wire: "Wire", why: str, problem: Problem | None = None) -> None:
        self._counted(why)
        if problem:
            wire.refuse(problem)
        else:
            self.discard(wire)
            wire.transport.abort()


class Wire(H11Protocol):
    """One connection. since: when it began to wait for its next request, or that began to come; received: its bytes.
    answered: when the client began to take what it still takes, an answer or several; sent: bytes of it. address: whose
    it is; key: what stands for that client.
    """

    def __init__(self, *given: Any, wires: Wires, **named: Any) -> None:
        super().__init__(*given, **named)
        self._wires, self._app = wires, self.app
        self.app = self._answer
        self.since, self.received, self.address, self.key = 0.0, 0, "", ""
        self.answered, self.sent = 0.0, 0
        self._stalled_since: float | None = None

    @property
    def seconds(self) -> float:
        """Since it began to wait for its request, or that began to come."""
        return time.monotonic() - self.since

    @property
    def pace(self) -> float:
        """Bytes a second of the request."""
        return self.received / max(self.seconds, 1e-3)

    @property
    def idle(self) -> bool:
        """Whether no request's head has arrived since the last answer."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def sending(self) -> bool:
        """Whether the client has not taken all of an answer."""
        return bool(self.transport.get_write_buffer_size()) or (not self.idle and self.cycle.response_started)

    @property
    def arriving(self) -> bool:
        """Whether a request is awaited, or has not all arrived."""
        return not self.sending and (self.idle or self.cycle.more_body)

    @property
    def taking_s(self) -> float:
        """Seconds since the client began to take it."""
        return time.monotonic() - self.answered

    @property
    def stalled_s(self) -> float:
        """Seconds for which the client has taken next to nothing of what it was sent."""
        if self._stalled_since is None and self.transport.is_closing():  # its last bytes are still to be taken
            self._stalled_since = time.monotonic()
        return 0.0 if self._stalled_since is None else time.monotonic() - self._stalled_since

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start" and not self.sending:  # all of the one before is taken
                self.answered, self.sent = time.monotonic(), 0
            await send(message)
            self.sent += len(message.get("body", b""))

        scope[ABORT] = self.transport.abort
        await self._app(scope, receive, counted)

    def connection_made(self, transport: Any) -> None:
        """As asyncio says."""
        super().connection_made(transport)
        self.since, self.address = time.monotonic(), self.client[0] if self.client else ""
        self.key = client_key(self.address)
        self._wires.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio says."""
        self._wires.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As asyncio says."""
        if not self.received:
            self.since = time.monotonic()
        self.received += len(data)
        super().data_received(data)

    def pause_writing(self) -> None:
        """As asyncio says."""
        self._stalled_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """As asyncio says."""
        self._stalled_since = None
        super().resume_writing()

    def on_response_complete(self) -> None:
        """The next request is awaited."""
        self.since, self.received = time.monotonic(), 0
        super().on_response_complete()

    def shutdown(self) -> None:
        """The server ends: a request that may be on its way is still answered."""
        if not self.idle or self.seconds > _YOUNG:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP."""
        if self.cycle and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
        else:
            self.refuse(_BROKEN)

    def _should_upgrade(self) -> bool:
        """Never: a WebSocket's request is answered as the plain one that it also is."""
        return False

    def refuse(self, problem: Problem) -> None:
        """Answer outside any request, and close."""
        body = json.dumps(problem.body()).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **problem.headers}
        lines = [f"HTTP/1.1 {problem.status} Refused", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        self.transport.close()


def _slowest(wires: Iterable[Wire], grace_s: float) -> Wire | None:
    """The one to give way to another: none whose request is there or arriving since a moment ago, nor any that has been
    taking its answer for less than some seconds.
    """
    wires = list(wires)
    can = [wire for wire in wires if wire.arriving and (wire.seconds > _YOUNG or not wire.received)]
    if can:
        return min(can, key=lambda wire: (wire.seconds < _YOUNG, wire.pace, wire.since))
    taking = [wire for wire in wires if wire.sending and wire.taking_s > grace_s]
    return min(taking, key=lambda wire: wire.sent / wire.taking_s, default=None)
