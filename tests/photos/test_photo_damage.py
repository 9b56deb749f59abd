"""Files that hold no photo, or only a part of one: each is one clear line, whatever is wrong with the bytes."""

import io
import os
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facerelief.errors import PhotoError
from facerelief.photos.decoding import decode
from facerelief.photos.photo import MAX_PIXELS, read_mark, read_photo
from facerelief.photos.structure import is_cheap_to_decode

ROWS, COLUMNS = np.mgrid[0:40, 0:64]
IMAGE = Image.fromarray(np.stack([COLUMNS * 4, ROWS * 6, (COLUMNS + ROWS) * 2], axis=-1).astype(np.uint8))


def encoded(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    IMAGE.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels."""
    body = b"IHDR" + struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">L", 13) + body + struct.pack(">L", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">L", len(data) - 4) + data + struct.pack(">L", zlib.crc32(data))


FILES = {
    "baseline.jpg": encoded("JPEG"),
    "progressive.jpg": encoded("JPEG", progressive=True),
    "photo.png": encoded("PNG"),
    "lossy.webp": encoded("WEBP"),
    "lossless.webp": encoded("WEBP", lossless=True),
    "photo.gif": encoded("GIF"),
    "two.gif": encoded("GIF", save_all=True, append_images=[IMAGE.rotate(90)]),
    "raw.tif": encoded("TIFF"),
    "jpeg.tif": encoded("TIFF", compression="jpeg"),
    "photo.bmp": encoded("BMP"),
    "photo.ppm": encoded("PPM"),
}

EMPTY = r"is empty \(zero bytes\); copy or download it again"
NO_IMAGE = "is not an image, or its header is damaged; give a JPEG"
HEIC = "is a HEIC photo, which cannot be read; export it as JPEG or PNG"
TRUNCATED = "is truncated or damaged .*; copy or download it again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", EMPTY),
        (b"name,label\nme.png,happy\n" * 9, NO_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", NO_IMAGE),
        (FILES["baseline.jpg"][:30], TRUNCATED),
        (bytes(4) + b"ftypheic" + bytes(40), HEIC),
        (FILES["baseline.jpg"][:-200], TRUNCATED),
        (FILES["photo.png"][:-60], TRUNCATED),
        (png_header(60_000, 60_000), r"has too many pixels \(decompression bomb\?\); shrink it"),
        (png_header(12_000, 12_000), "is 12000x12000, over the limit of 100000000 pixels; shrink it"),
        (png_header(9_700, 9_700), TRUNCATED),  # where Pillow only warns
        (png_header(200, 15), "is only 200x15 pixels; give a photo of at least 16 a side"),
    ],
)
def test_a_file_that_is_no_photo(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for source in (path, content, io.BytesIO(content)):
        with pytest.raises(PhotoError, match=message) as caught:
            read_photo(source)
        assert str(caught.value).startswith(str(path) if source is path else "photo ")
        assert "\n" not in str(caught.value)


def test_places_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"nobody\.jpg does not exist; check the name"):
        read_photo(tmp_path / "nobody.jpg")
    with pytest.raises(PhotoError, match="is a folder; give a photo in it"):
        read_mark(tmp_path)
    with pytest.raises(PhotoError, match="cannot be opened"):
        read_photo("a\0b.jpg")


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "private.png"
    path.write_bytes(FILES["photo.png"])
    path.chmod(0)
    if os.access(path, os.R_OK):  # as a superuser, whom no permission stops

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PhotoError, match="may not be read; change its permissions"):
        read_photo(path)


def test_the_limit_is_the_callers() -> None:
    with pytest.raises(PhotoError, match="is 64x40, over the limit of 2559 pixels"):
        read_photo(FILES["photo.png"], max_pixels=2559)
    assert read_photo(FILES["photo.png"], max_pixels=2560).rgb.shape == (40, 64, 3)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_gives_all_its_pixels_or_none(name: str) -> None:
    content = FILES[name]
    whole = read_photo(content).rgb
    for length in range(0, len(content), max(1, len(content) // 120)):
        try:
            photo = decode(content[:length], "photo", MAX_PIXELS)
        except PhotoError:
            continue
        np.testing.assert_array_equal(photo.rgb, whole)


@pytest.mark.parametrize("name", FILES)
def test_flipped_bytes_give_a_photo_or_one_line(name: str) -> None:
    rng = random.Random(name)
    for _ in range(150):
        content = bytearray(FILES[name])
        for _ in range(rng.choice([1, 1, 4])):
            place = rng.choice([rng.randrange(len(content)), rng.randrange(64)])
            content[place] = rng.choice([0, 255, rng.randrange(256)])
        try:
            is_cheap_to_decode(bytes(content), "photo")
            photo = decode(bytes(content), "photo", 1_000_000)
        except PhotoError as reason:
            assert "\n" not in str(reason)
        else:
            assert photo.rgb.dtype == np.uint8 and photo.rgb.ndim == 3
