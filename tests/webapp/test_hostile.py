"""Files that were made to do harm, through the API: a typed error or a picture, and the server lives on."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from facerelief.webapp.problems import CODES


@pytest.fixture(scope="module")
def client(server: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def png_of(width: int, height: int, body: bytes = bytes(1000), *more: bytes) -> bytes:
    header = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *more, chunk(b"IDAT", zlib.compress(body)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def with_bomb(kind: bytes) -> bytes:
    bomb = chunk(kind, b"a\0\0" + zlib.compress(bytes(50_000_000)))
    return png_of(64, 64, bytes(64 * 193), bomb)


def saved(kind: str, size: tuple[int, int] = (64, 64), **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)).save(
        stream, kind, **options
    )
    return stream.getvalue()


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("photo.png", bytes(10_000_000), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "60,000 pixels a side": lambda: png_of(60_000, 60_000),
    "41 megapixels": lambda: png_of(8200, 5000),
    "a side of nought": lambda: png_of(0, 100),
    "one line of a bomb": lambda: png_of(40_000_000, 1, bytes(100_000_000)),
    "a bomb in a text": lambda: png_of(
        64, 64, bytes(64 * 193), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    ),
    "a bomb in a profile": lambda: png_of(
        64, 64, bytes(64 * 193), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))
    ),
    "a JPEG that claims 65,500 pixels a side": lambda: saved("JPEG").replace(
        struct.pack(">HH", 64, 64), struct.pack(">HH", 65500, 65500)
    ),
    "absurd EXIF": lambda: saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 2000),
    "a TIFF whose directory bites its tail": lambda: b"II*\0\x08\0\0\0" + struct.pack("<HHHLLL", 1, 256, 4, 1, 64, 8),
    "a GIF of a screen too large": lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(20),
    "a zip in a photo's clothing": zipped,
    "a photo with a zip behind": lambda: saved("PNG") + zipped(),
    "a photo with a script behind": lambda: saved("GIF") + b"<script>alert(1)</script>",
    "a script": lambda: (
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><image href='file:///etc/passwd'/></svg>"
    ),
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n(/etc/passwd) (r) file\n",
    "an address": lambda: b"http://127.0.0.1:1/",
    "a pickle": lambda: b"cos\nsystem\n(S'touch here'\ntR.",
    "cut in every chunk": lambda: saved("PNG")[:100],
    "noise": lambda: np.random.default_rng(1).bytes(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/v1/edit", "/v1/faces", "/v1/previews", "/v1/geometry"])
def test_a_typed_error_and_no_harm(client: httpx.Client, name: str, path: str) -> None:
    fields = {"to": "fear"} if path == "/v1/edit" else {}
    answer = client.post(path, files={"photo": ("../../etc/passwd\0.png", HOSTILE[name]())}, data=fields)
    error = answer.json()["error"]
    assert error["code"] in ("bad_photo", "no_face"), error
    assert answer.status_code == CODES[error["code"]][0]
    assert "Traceback" not in error["message"]
    assert len(error["message"] + error["remedy"]) < 400
    assert client.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize(
    "filename", ["../../../tmp/evil.png", "/etc/passwd", "a\r\nX-Evil: 1", "\0", "𝔫𝔞𝔪𝔢" * 500, "'; rm -rf /; '", ""]
)
def test_names_of_files_mean_nothing(client: httpx.Client, filename: str) -> None:
    answer = client.post("/v1/faces", files={"photo": (filename, saved("PNG"))})
    assert answer.json()["error"]["code"] in ("no_face", "bad_request", "bad_option")
    assert "x-evil" not in answer.headers
