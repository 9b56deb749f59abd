"""uvicorn, with connections that are watched and an end that keeps its promises."""

import asyncio
import functools
import os
import socket
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from facerelief.webapp.admission import Desk
from facerelief.webapp.server.connections import Wire, Wires
from facerelief.webapp.server.rare_logs import speak_seldom

_QUEUE = 512  # connections that the system keeps until they are taken in
_TO_KNOCK = 0.2  # seconds in which those who come just now are told, before nobody is let in
_TO_SEND = 5.0  # seconds for the last answers to be taken


def configured(app: Starlette, backlog: int) -> uvicorn.Config:
    """How uvicorn runs the application. It believes no proxy: `Access` does, those that it is told of."""
    protocol: Any = functools.partial(Wire, wires=app.state.wires)
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=backlog,
    )


class Process(uvicorn.Server):
    """At the first signal, what is at work is answered, and what waits is told to come again; a second one ends it at
    once. It has ended when the longest answer may have taken its time, whatever its clients do.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._desk: Desk = app.state.desk
        self._wires: Wires = app.state.wires
        speak_seldom("asyncio", "uvicorn.error", "facerelief.webapp.middleware")  # uvicorn has set up its own by now

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn says."""
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(_QUEUE)  # the loop takes in as many at once as its backlog was when it began
        self._wires.watch()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn says."""
        self._desk.end()
        self._wires.end()
        await asyncio.sleep(_TO_KNOCK)
        asyncio.get_running_loop().call_later(self._desk.limits.answer_s + _TO_SEND, self._wires.abort)
        await super().shutdown(sockets)
        self._desk.close()
