"""The server's own process code in a thread, with a service that the tests hold up, and raw sockets to talk to it."""

import contextlib
import json
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from webapp_app import SlowService

from facerelief.webapp.access import Access
from facerelief.webapp.app import create_app
from facerelief.webapp.server.graceful_server import GracefulServer, uvicorn_config
from facerelief.webapp.server.limits import Limits

_PATIENCE = 20.0  # seconds that a test waits for what must come


@dataclass
class Live:
    """A server at 127.0.0.1. app: its admission control and connections are in `state`. opened: sockets of the test."""

    port: int
    app: Any
    service: SlowService
    process: GracefulServer
    opened: list[socket.socket] = field(default_factory=list)

    def connect(self, send: bytes = b"", buffer: int = 0, source: str = "127.0.0.1") -> socket.socket:
        """A connection that has said something. buffer: bytes that the system takes in for it, 0 for the usual."""
        connection = socket.socket()
        self.opened.append(connection)
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.bind((source, 0))
        connection.settimeout(_PATIENCE)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(send)
        return connection

    def ask(self, send: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a request that ends the connection."""
        with self.connect(send) as connection:
            return parsed(everything(connection))

    def health(self) -> tuple[int, Any]:
        """What /health says."""
        status, body = self.ask(head("GET", "/health", Connection="close"))
        return status, json.loads(body)

    def ended(self, why: str) -> float:
        """How many connections the server has ended for a reason."""
        text = self.ask(head("GET", "/metrics", Connection="close"))[1].decode()
        wanted = f'facerelief_connections_ended_total{{why="{why}"}} '
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(wanted))


@contextlib.contextmanager
def live(access: Access | None = None, system_buffer: int = 0, **limits: Any) -> Iterator[Live]:
    """A server for a while. system_buffer: bytes that the system keeps of its answers, 0 for the usual."""
    access = access or Access({"127.0.0.1"})
    service = SlowService()
    app = create_app(lambda **_: service, Limits(**{"workers": 1, **limits}), access)  # type: ignore[arg-type,return-value]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if system_buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, system_buffer)
        process = GracefulServer(uvicorn_config(app, 16), app)
        thread = threading.Thread(target=process.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        server = Live(listening.getsockname()[1], app, service, process)
        try:
            wait_for(lambda: process.started)
            yield server
        finally:
            for connection in server.opened:
                connection.close()
            service.go.set()
            process.should_exit = True
            thread.join(_PATIENCE)
            assert not thread.is_alive()


def wait_for(true: Callable[[], Any], seconds: float = _PATIENCE) -> None:
    """Until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never comes to that"
        time.sleep(0.01)


def head(method: str = "POST", path: str = "/v1/edit", **headers: object) -> bytes:
    """A request's head; underscores of names are dashes."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {"Host": "127.0.0.1", **headers}.items()]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()


def edit(body: bytes = b'{"photo":"AAAA","to":"fear"}', **headers: object) -> bytes:
    """A request to /v1/edit that ends the connection."""
    facts = {"Content_Type": "application/json", "Content_Length": len(body), "Connection": "close"}
    return head(**facts, **headers) + body


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    came = []
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65536):
            came.append(chunk)
    return b"".join(came)


def parsed(answer: bytes) -> tuple[int, bytes]:
    """Status and body of an answer; (0, b"") where none came."""
    first, _, body = answer.partition(b"\r\n\r\n")
    return (int(first.split()[1]), body) if first.startswith(b"HTTP/1.1 ") else (0, b"")


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it, by now, without having said anything more."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        connection.settimeout(_PATIENCE)


def take_all_files(seconds: float) -> None:
    """Leave this process no file to open for a while."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (90, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    time.sleep(seconds)
    for one in taken:
        os.close(one)
