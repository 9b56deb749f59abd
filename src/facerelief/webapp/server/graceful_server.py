"""uvicorn with watched connections and a graceful shutdown."""

import asyncio
import functools
import os
import socket
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from facerelief.webapp.admission import AdmissionControl
from facerelief.webapp.server.connections import Connection, Connections
from facerelief.webapp.server.log_filter import limit_repeats

_LISTEN_BACKLOG = 512  # connections that the system queues until they are accepted
_REFUSE_S = 0.2  # for which new clients still get the error that the server stops
_FLUSH_S = 5.0  # for clients to receive the last responses


def uvicorn_config(app: Starlette, backlog: int) -> uvicorn.Config:
    """How uvicorn runs the application. Proxies' headers are left to `Access`, which knows the trusted ones."""
    protocol: Any = functools.partial(Connection, connections=app.state.connections)
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


class GracefulServer(uvicorn.Server):
    """At the first signal, running requests finish and queued ones are refused; at the second the process exits.

    Whatever clients do, it ends once the longest response may have taken its time.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette) -> None:
        super().__init__(config)
        self._admission: AdmissionControl = app.state.admission
        self._connections: Connections = app.state.connections
        limit_repeats("asyncio", "uvicorn.error", "facerelief.webapp.middleware")  # uvicorn has set up its own by now

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for one in sockets or ():
            one.listen(_LISTEN_BACKLOG)  # the loop accepts as many at once as its backlog was when it began
        self._connections.watch()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._admission.stop()
        self._connections.stop()
        await asyncio.sleep(_REFUSE_S)
        asyncio.get_running_loop().call_later(self._admission.limits.timeout_s + _FLUSH_S, self._connections.abort)
        await super().shutdown(sockets)
        self._admission.close()
