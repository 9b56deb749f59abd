"""Answers whose bytes are counted until the client has taken them."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from facerelief.webapp.admission import Desk
from facerelief.webapp.service import Picture

ABORT = "facerelief.abort"  # in a request's scope: what cuts off its connection
_CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True)
class Reply:
    """What a worker has made ready to send."""

    data: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: Any) -> Reply:
    """A reply of JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Reply(text.encode(), "application/json")


def as_picture(picture: Picture) -> Reply:
    """A picture itself; notes go into a header, where only some letters may stand as they are."""
    notes = quote("; ".join(picture.notes), safe=" !#$&'()*+,/:;=?@[]~|")
    return Reply(picture.data, picture.media_type, {"X-Notes": notes} if notes else {})


class Answer(Response):
    """Sends a reply piece by piece, each when the client has taken most of those before.

    Else all of it would be handed to the network's buffer, which nobody counts and nobody bounds.
    """

    def __init__(self, desk: Desk, reply: Reply) -> None:
        super().__init__(reply.data, media_type=reply.media_type, headers=reply.headers)
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises `Problem`, with nothing sent, where too much is being sent."""
        whole = memoryview(self.body)
        with self._desk.sending(len(whole), scope.get(ABORT, lambda: None)) as parcel:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(whole), _CHUNK):
                if parcel.over:
                    return
                chunk = whole[start : start + _CHUNK].tobytes()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                parcel.moved += len(chunk)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
