"""How much the server takes upon itself, and what a worker knows of the one who waits."""

import time
from dataclasses import dataclass

from facerelief.webapp.problems import Abandoned, Problem


@dataclass(frozen=True)
class Limits:
    """What the server takes upon itself.

    workers: requests computed at once. places: requests uploading, waiting and being computed. body: bytes of one
    request; held: of all in memory. pixels: of one photo. upload_s: for a body to arrive; answer_s: for an answer, from
    then on.
    """

    workers: int = 2
    places: int = 64
    body: int = 32 * 2**20
    held: int = 256 * 2**20
    pixels: int = 40_000_000
    upload_s: float = 30.0
    answer_s: float = 60.0


class Ticket:
    """What a worker knows of the one who waits: `check` between steps stops work that nobody wants any more."""

    def __init__(self, deadline: float) -> None:
        self._deadline, self._left = deadline, False

    def leave(self) -> None:
        """The client has gone."""
        self._left = True

    def check(self) -> None:
        """Raises `Abandoned` where the client has gone, `Problem` where the time is up."""
        if self._left:
            raise Abandoned
        if time.monotonic() > self._deadline:
            raise too_slow()


def too_slow() -> Problem:
    """The answer when the time is up."""
    return Problem("too_slow", "the answer takes too long", "send a smaller photo, or come again later")
