"""The server's limits, and the token by which a worker learns that its request was cancelled."""

import time
from dataclasses import dataclass, replace

from facerelief.webapp.errors import ApiError, RequestCancelled

_MEMORY = 256 * 2**20  # bytes


@dataclass(frozen=True)
class Limits:
    """The server's limits.

    Args:
        workers: Requests computed at once.
        places: Requests queued and running.
        client_places: Of these, of one client.
        body: Bytes of one request's body.
        held: Bytes of all request bodies in memory. 0: derived from `body`.
        unsent: Bytes of all responses that clients have not received yet. 0: derived from `pixels`.
        pixels: Of one photo.
        upload_timeout_s: For a body to arrive.
        timeout_s: For the response, once the body has arrived.
        connections: Open connections.
        client_connections: Of these, of one client that is not this machine. 0: a quarter.
        header_timeout_s: For a request's header to arrive.
        send_timeout_s: For which a client may receive nothing of its response.
        min_upload_rate: Bytes per second that an upload must keep after `grace_s`.
        grace_s: Seconds after which a slow transfer may be evicted.
        rate: Requests a minute of one client. 0: any number.
        processes: Server processes behind the port, which share these limits; one that dies is replaced.
    """

    workers: int = 2
    places: int = 64
    client_places: int = 64
    body: int = 32 * 2**20
    held: int = 0
    unsent: int = 0
    pixels: int = 40_000_000
    upload_timeout_s: float = 30.0
    timeout_s: float = 60.0
    connections: int = 512
    client_connections: int = 0
    header_timeout_s: float = 10.0
    send_timeout_s: float = 30.0
    min_upload_rate: float = 4096.0
    grace_s: float = 5.0
    rate: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        derived = {
            "held": max(_MEMORY, 4 * self.body),
            "unsent": max(_MEMORY, 8 * self.pixels),
            "client_connections": max(1, self.connections // 4),
        }
        for name, value in derived.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    def with_connections(self, connections: int) -> "Limits":
        """A copy with another number of connections; one client's share of them stays the same."""
        share = max(1, connections * self.client_connections // self.connections)
        return replace(self, connections=connections, client_connections=share)

    def divided(self, count: int) -> "Limits":
        """What each of so many processes gets, so that together they keep to these: all but a request's own limits."""
        names = ("workers", "places", "client_places", "held", "unsent", "connections", "client_connections")
        least = {"held": self.body, "unsent": 4 * self.pixels} if count > 1 else {}  # one request must have room
        return replace(self, **{name: max(least.get(name, 1), -(-getattr(self, name) // count)) for name in names})


class CancelToken:
    """Stops work whose client is gone or whose time is up: the worker calls `check` between steps."""

    def __init__(self, deadline: float) -> None:
        """deadline: on the clock of `time.monotonic`."""
        self.deadline, self._cancelled = deadline, False

    @property
    def remaining_s(self) -> float:
        """Seconds to the deadline, at least one."""
        return max(1.0, self.deadline - time.monotonic())

    def cancel(self) -> None:
        """The client has disconnected."""
        self._cancelled = True

    def check(self) -> None:
        """Raises `RequestCancelled` if the client has disconnected, `ApiError` after the deadline."""
        if self._cancelled:
            raise RequestCancelled
        if time.monotonic() > self.deadline:
            raise too_slow()


def too_slow() -> ApiError:
    """The error of a request whose time is up."""
    return ApiError("too_slow", "the answer takes too long", "send a smaller photo, or try again later")
