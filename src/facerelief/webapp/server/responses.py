"""Responses whose bytes count against the budget until the client has received them."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from facerelief.webapp.admission import AdmissionControl
from facerelief.webapp.pictures import EncodedPicture

ABORT = "facerelief.abort"  # key in a request's scope: the function that aborts its connection
_CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True)
class Reply:
    """What a worker returns: the encoded body of the response."""

    data: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: Any) -> Reply:
    """A value as JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Reply(text.encode(), "application/json")


def as_picture(picture: EncodedPicture) -> Reply:
    """A picture's file; its notes go into a header, percent-encoded."""
    notes = quote("; ".join(picture.notes), safe=" !#$&'()*+,/:;=?@[]~|")
    return Reply(picture.data, picture.media_type, {"X-Notes": notes} if notes else {})


class TrackedResponse(Response):
    """Sends a reply in chunks, each once the client has received most of those before.

    Otherwise the whole reply would lie in the network's buffer, where no budget counts it.
    """

    def __init__(self, admission: AdmissionControl, reply: Reply) -> None:
        super().__init__(reply.data, media_type=reply.media_type, headers=reply.headers)
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises `ApiError`, before anything is sent, if the budget is used up."""
        whole = memoryview(self.body)
        with self._admission.sending(len(whole), scope.get(ABORT, lambda: None)) as transfer:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(whole), _CHUNK):
                if transfer.evicted:
                    return
                chunk = whole[start : start + _CHUNK].tobytes()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                transfer.moved += len(chunk)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
