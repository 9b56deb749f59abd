"""How much the server takes upon itself, and what a worker knows of the one who waits."""

import time
from dataclasses import dataclass, replace

from facerelief.webapp.errors import Abandoned, Problem

_MEMORY = 256 * 2**20  # bytes


@dataclass(frozen=True)
class Limits:
    """What the server takes upon itself.

    workers: requests computed at once. places: requests waiting and being computed; client_places: of them, of one
    client. body: bytes of one request; held: of all requests in memory; unsent: of all answers that clients have not
    taken yet; both 0: what goes with the largest body and photo. pixels: of one photo. upload_s: for a body to arrive;
    answer_s: for an answer, from then on.

    connections: open ones; client_connections: of one client that is not this machine, 0: a quarter. head_s: for a
    request's head to arrive. send_s: that a client may take nothing of its answer. pace: bytes a second that an upload
    must keep once `grace_s` seconds are over; whoever is slow gives way from then on. rate: requests a minute of one
    client, 0 for any number.
    """

    workers: int = 2
    places: int = 64
    client_places: int = 64
    body: int = 32 * 2**20
    held: int = 0
    unsent: int = 0
    pixels: int = 40_000_000
    upload_s: float = 30.0
    answer_s: float = 60.0
    connections: int = 512
    client_connections: int = 0
    head_s: float = 10.0
    send_s: float = 30.0
    pace: float = 4096.0
    grace_s: float = 5.0
    rate: int = 0

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
        """The same with other connections, of which one address may have the same share."""
        share = max(1, connections * self.client_connections // self.connections)
        return replace(self, connections=connections, client_connections=share)


class Ticket:
    """What a worker knows of the one who waits: `check` between steps stops work that nobody wants any more."""

    def __init__(self, deadline: float) -> None:
        """deadline: as `time.monotonic` counts."""
        self.deadline, self._left = deadline, False

    @property
    def left_s(self) -> float:
        """Seconds until the time is up, at least one."""
        return max(1.0, self.deadline - time.monotonic())

    def leave(self) -> None:
        """The client has gone."""
        self._left = True

    def check(self) -> None:
        """Raises `Abandoned` where the client has gone, `Problem` where the time is up."""
        if self._left:
            raise Abandoned
        if time.monotonic() > self.deadline:
            raise too_slow()


def too_slow() -> Problem:
    """The answer when the time is up."""
    return Problem("too_slow", "the answer takes too long", "send a smaller photo, or come again later")
