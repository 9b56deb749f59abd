"""The application without a network: requests as ASGI messages, and a service whose work the tests hold up."""

import asyncio
import io
import json
import threading
from collections.abc import Callable
from typing import Any

from PIL import Image

from facerelief.webapp.access import Access
from facerelief.webapp.app import create_app
from facerelief.webapp.edits import EditRequest
from facerelief.webapp.pictures import EncodedPicture
from facerelief.webapp.server.limits import CancelToken, Limits

_stream = io.BytesIO()
Image.new("RGB", (64, 64), "teal").save(_stream, "PNG")
EMPTY_PNG = _stream.getvalue()
_BODY = json.dumps({"photo": "AAAA", "to": "fear"}).encode()


def form(photo: bytes, **fields: object) -> dict[str, Any]:
    return {"files": {"photo": ("p", photo)}, "data": {name: str(value) for name, value in fields.items()}}


class SlowService:
    """Each edit waits for `go`, checking its token; `begun` and `ended` count."""

    method = "morphable"

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = self.ended = 0

    def edit(self, request: EditRequest, token: CancelToken) -> EncodedPicture:
        self.begun += 1
        while not self.go.wait(0.005):
            token.check()
        self.ended += 1
        return EncodedPicture(request.photo, "PNG")


class Client:
    """One request to /v1/edit: `send` it, `leave`, or await its `status` and `body`. client: whom a proxy names."""

    def __init__(self, app: Any, body: bytes = _BODY, chunks: int = 1, pause: float = 0.0, client: str = "") -> None:
        self._gone, self._body, self._pause = asyncio.Event(), body, pause
        step = max(1, -(-len(body) // chunks))
        self._parts = [body[k : k + step] for k in range(0, len(body), step)]
        self.status, self.headers, self.sent = 0, {}, b""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/v1/edit",
            "raw_path": b"/v1/edit",
            "query_string": b"",
            "root_path": "",
            "client": ("10.0.0.1", 1),
            "headers": [
                *((b"host", b"localhost"), (b"content-type", b"application/json")),
                *([(b"x-forwarded-for", client.encode())] if client else []),
            ],
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._parts:
            await asyncio.sleep(self._pause)
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.sent += message.get("body", b"")

    def leave(self) -> None:
        self._parts.clear()
        self._gone.set()

    @property
    def code(self) -> str:
        """The error's code."""
        return str(json.loads(self.sent)["error"]["code"])


def slow_app(**limits: Any) -> tuple[Any, SlowService]:
    """An application whose edits wait."""
    service = SlowService()
    return create_app(lambda **_: service, Limits(**{"workers": 1, **limits}), Access({"localhost"})), service  # type: ignore[arg-type,return-value]


async def until(true: Callable[[], bool]) -> None:
    """Let the application work until something is so."""
    for _ in range(2000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never comes to that")
