"""Web servers on loopback that answer as they are told."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass
class Page:
    """One answer: its status, body and headers; `length` is announced in place of the body's own."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@contextlib.contextmanager
def serving(pages: dict[str, Page], asked: list[str] | None = None) -> Iterator[str]:
    """Serve pages by their paths; yields http://127.0.0.1:PORT. asked: takes each path with its host header."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(f"{self.headers['Host']}{self.path}")
            page = pages.get(self.path, Page(b"nothing here", 404))
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page.body) if page.length is None else page.length))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(page.body)

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def speaking(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does as it likes with each connection; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    speak(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        thread.join()
        listener.close()


def drip(connection: socket.socket) -> None:
    """A byte now and then, for as long as somebody listens."""
    connection.recv(4000)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(500):
        connection.sendall(b".")
        time.sleep(0.02)
