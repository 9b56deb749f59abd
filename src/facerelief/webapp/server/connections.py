"""Open connections: how many, how long one may be idle, and how long a client may leave its response unread.

If all are taken, a new one replaces the one whose request arrives the slowest, idle ones first; then the one that
receives its response the slowest. So idle and slow clients keep nobody out, however many they are.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from facerelief.webapp.errors import ApiError
from facerelief.webapp.server.addresses import client_key
from facerelief.webapp.server.limits import Limits
from facerelief.webapp.server.responses import ABORT

_INTERVAL_S = 1.0  # between checks of all connections
_FRESH_S = 1.0  # for which an arriving request is neither replaced nor cut off by a shutdown
_FULL = ApiError("busy", "too many connections are open", "try again in 1 s", {"Retry-After": "1"})
_SLOW = ApiError("slow_upload", "the request's header took too long", "send it at once")
_BROKEN = ApiError("bad_request", "this is not HTTP/1.1", "see the API's page at /api")


class Connections:
    """The open connections of one server."""

    def __init__(self, limits: Limits, exempt: Callable[[str], bool], on_closed: Callable[[str], None]) -> None:
        """exempt: whether an address may open any number. on_closed: called with the reason when one is closed."""
        self._limits, self._exempt, self._on_closed = limits, exempt, on_closed
        self._open: set[Connection] = set()
        self._header_timeout_s = limits.header_timeout_s

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: "Connection") -> None:
        """Accept a new connection, if need be in place of another, or refuse it."""
        self._open.add(connection)
        shares = [] if self._exempt(connection.address) else [(connection.key, self._limits.client_connections)]
        for key, most in (*shares, (None, self._limits.connections)):
            others = [one for one in self._open - {connection} if key in (None, one.key)]
            if len(others) < most:
                continue
            slowest = _slowest(others, self._limits.grace_s)
            if slowest is None:
                self._close(connection, "full", _FULL)
                return
            self._close(slowest, "gave_way")

    def discard(self, connection: "Connection") -> None:
        """Forget a closed connection."""
        self._open.discard(connection)

    def watch(self) -> None:
        """Close connections that are idle or receive nothing, now and at every interval."""
        for connection in list(self._open):
            if connection.stalled_s > self._limits.send_timeout_s:
                self._close(connection, "unread")
            elif (
                connection.idle
                and not connection.transport.is_closing()
                and connection.seconds > self._header_timeout_s
            ):
                self._close(connection, "silent", _SLOW if connection.received else None)
        asyncio.get_running_loop().call_later(_INTERVAL_S, self.watch)

    def stop(self) -> None:
        """Close idle connections soon."""
        self._header_timeout_s = min(self._header_timeout_s, _FRESH_S)

    def abort(self) -> None:
        """Close all at once."""
        for connection in list(self._open):
            connection.transport.abort()

    def _close(self, connection: "Connection", why: str, error: ApiError | None = None) -> None:
        self._on_closed(why)
        if error:
            connection.refuse(error)
        else:
            self.discard(connection)
            connection.transport.abort()


class Connection(H11Protocol):
    """One connection.

    since: when it began to wait for its next request, or when that began to arrive. received: bytes of the request.
    sending_since: when the client began to receive the responses now in transit. sent: bytes of these.
    address: the client's. key: identifies the client, see `client_key`.
    """

    def __init__(self, *given: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*given, **named)
        self._connections, self._app = connections, self.app
        self.app = self._respond
        self.since, self.received, self.address, self.key = 0.0, 0, "", ""
        self.sending_since, self.sent = 0.0, 0
        self._stalled_since: float | None = None

    @property
    def seconds(self) -> float:
        """Since it began to wait for its request, or since that began to arrive."""
        return time.monotonic() - self.since

    @property
    def upload_rate(self) -> float:
        """Mean bytes per second of the request."""
        return self.received / max(self.seconds, 1e-3)

    @property
    def idle(self) -> bool:
        """Whether no request's header has arrived since the last response."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def sending(self) -> bool:
        """Whether the client has not received all of a response."""
        return bool(self.transport.get_write_buffer_size()) or (not self.idle and self.cycle.response_started)

    @property
    def arriving(self) -> bool:
        """Whether a request is awaited or still arrives."""
        return not self.sending and (self.idle or self.cycle.more_body)

    @property
    def sending_s(self) -> float:
        """Seconds since the client began to receive."""
        return time.monotonic() - self.sending_since

    @property
    def stalled_s(self) -> float:
        """Seconds for which the client has received almost nothing of what was sent."""
        if self._stalled_since is None and self.transport.is_closing():  # its last bytes are still in transit
            self._stalled_since = time.monotonic()
        return 0.0 if self._stalled_since is None else time.monotonic() - self._stalled_since

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start" and not self.sending:  # the one before was received
                self.sending_since, self.sent = time.monotonic(), 0
            await send(message)
            self.sent += len(message.get("body", b""))

        scope[ABORT] = self.transport.abort
        await self._app(scope, receive, counted)

    def connection_made(self, transport: Any) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self.since, self.address = time.monotonic(), self.client[0] if self.client else ""
        self.key = client_key(self.address)
        self._connections.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if not self.received:
            self.since = time.monotonic()
        self.received += len(data)
        super().data_received(data)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._stalled_since = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        """See asyncio."""
        self._stalled_since = None
        super().resume_writing()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self.since, self.received = time.monotonic(), 0
        super().on_response_complete()

    def shutdown(self) -> None:
        """Close for a shutdown; a request that is arriving is still answered."""
        if not self.idle or self.seconds > _FRESH_S:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        if self.cycle and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()
        else:
            self.refuse(_BROKEN)

    def _should_upgrade(self) -> bool:
        """Never: a WebSocket's request is answered as plain HTTP."""
        return False

    def refuse(self, error: ApiError) -> None:
        """Send an error outside any request, and close."""
        body = json.dumps(error.body()).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers}
        lines = [f"HTTP/1.1 {error.status} Refused", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        self.transport.close()


def _slowest(connections: Iterable[Connection], grace_s: float) -> Connection | None:
    """The connection to close in favour of a new one, or None.

    Spared are those whose request has arrived or began to arrive just now, and those whose client has been receiving
    for less than `grace_s`.
    """
    connections = list(connections)
    arriving = [one for one in connections if one.arriving and (one.seconds > _FRESH_S or not one.received)]
    if arriving:
        return min(arriving, key=lambda one: (one.seconds < _FRESH_S, one.upload_rate, one.since))
    sending = [one for one in connections if one.sending and one.sending_s > grace_s]
    return min(sending, key=lambda one: one.sent / one.sending_s, default=None)
