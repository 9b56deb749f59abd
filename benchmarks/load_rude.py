"""Clients that say nothing, send slowly, or do not read, for `load.py`; each comes again when it is sent away."""

import asyncio
import contextlib
import io
import socket
from collections import Counter

import numpy as np
from PIL import Image

_BOUNDARY = b"rude"
_ASKED = 2400  # pixels a side of the TIFF that slow readers ask for: 17 MB


class Rude:
    """`silent`, `writers` and `readers` connections at once. sent_away: how often, by kind."""

    def __init__(self, silent: int, writers: int, readers: int, head: np.ndarray) -> None:
        """head: uint8 (H, W, 3), a face."""
        self.counts = {self._silent: silent, self._writer: writers, self._reader: readers}
        self.sent_away: Counter[str] = Counter()
        picture = Image.new("RGB", (_ASKED, _ASKED), (128, 128, 128))
        picture.paste(Image.fromarray(head), (_ASKED // 2, _ASKED // 2))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=80)
        self._large = stream.getvalue()

    async def run(self, port: int) -> None:
        """Until it is cancelled."""
        kinds = [kind for kind, count in self.counts.items() for _ in range(count)]
        await asyncio.gather(*(self._again(kind, port) for kind in kinds))

    async def _again(self, kind, port: int) -> None:  # type: ignore[no-untyped-def]
        while True:
            with contextlib.suppress(OSError):
                connection = socket.socket()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.setblocking(False)
                with connection:
                    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
                    await kind(connection, b"Host: 127.0.0.1:%d\r\n" % port)
                    self.sent_away[kind.__name__.strip("_")] += 1
            await asyncio.sleep(0.2)

    async def _silent(self, connection: socket.socket, host: bytes) -> None:
        await _end(connection)

    async def _writer(self, connection: socket.socket, host: bytes) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.ensure_future(_end(connection))
        head = (
            b"POST /v1/edit HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\nContent-Length: 9999999\r\n\r\n"
        )
        try:
            await loop.sock_sendall(connection, head)
            while not ended.done():
                await loop.sock_sendall(connection, b" ")
                await asyncio.sleep(0.2)
        finally:
            ended.cancel()

    async def _reader(self, connection: socket.socket, host: bytes) -> None:
        """A byte now and then, of 17 MB."""
        loop, fields = asyncio.get_running_loop(), {"to": b"fear", "format": b"tiff", "photo": self._large}
        parts = [
            b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % (_BOUNDARY, name.encode(), b'; filename="p"' if name == "photo" else b"", value)
            for name, value in fields.items()
        ]
        body = b"".join(parts) + b"--%s--\r\n" % _BOUNDARY
        head = b"POST /v1/edit HTTP/1.1\r\n" + host + b"Content-Type: multipart/form-data; boundary=" + _BOUNDARY
        await loop.sock_sendall(connection, head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        served = b" 200 " in await loop.sock_recv(connection, 20)
        while served and await loop.sock_recv(connection, 1):
            await asyncio.sleep(0.5)


async def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while await asyncio.get_running_loop().sock_recv(connection, 1000):
            pass
