"""EXIF blocks against one laid out by hand."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from facerelief.photos.decoding import decode
from facerelief.photos.photo import MAX_PIXELS, Photo, encode_photo, read_photo, save_photo
from facerelief.photos.provenance.xmp import EditMark

PIXELS = np.arange(20 * 24 * 3, dtype=np.uint8).reshape(20, 24, 3)
THUMBNAIL = b"\xff\xd8the face before\xff\xd9"


def block(order: str, orientation: int) -> bytes:
    """IFD0 with orientation, artist and maker note, then IFD1 with a thumbnail."""
    artist = "Jörg".encode() + b"\0"
    first, values = 8, 8 + 2 + 3 * 12 + 4
    second = values + 32
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "L", first)
    ifd0 = struct.pack(order + "HHHLHH", 3, 0x0112, 3, 1, orientation, 0)
    ifd0 += struct.pack(order + "HHLL", 0x013B, 2, len(artist), values)
    ifd0 += struct.pack(order + "HHLLL", 0x927C, 7, 16, values + 16, second)
    thumbnail = second + 2 + 2 * 12 + 4
    ifd1 = struct.pack(order + "HHHLLHHLLL", 2, 513, 4, 1, thumbnail, 514, 4, 1, len(THUMBNAIL), 0)
    return b"Exif\0\0" + head + ifd0 + artist.ljust(16, b"\0") + b"maker's own data" + ifd1 + THUMBNAIL


def photo_with(exif: bytes, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", "<>")
def test_only_orientation_and_thumbnail_change(order: str, kind: str) -> None:
    source = block(order, 6)
    photo = read_photo(photo_with(source, kind))
    assert photo.rgb.shape == (24, 20, 3) and photo.notes == ()
    assert photo.exif is not None and len(photo.exif) == len(source)
    expected = bytearray(block(order, 1))
    link = 6 + 8 + 2 + 3 * 12
    expected[link : link + 4] = bytes(4)
    expected[-len(THUMBNAIL) :] = bytes(len(THUMBNAIL))
    assert photo.exif == bytes(expected)


def test_text_beyond_ascii_passes_through_every_format(tmp_path: object) -> None:
    photo = read_photo(photo_with(block("<", 1)))
    for suffix in ("png", "jpg", "webp", "tif"):
        path = f"{tmp_path}/photo.{suffix}"
        save_photo(photo, path)
        save_photo(read_photo(path), path)
        tags = Image.Exif()
        tags.load(read_photo(path).exif or b"")
        assert tags[0x013B].encode("latin-1").decode() == "Jörg"


def test_the_layout_of_a_tiff_stays_behind(tmp_path: object) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "TIFF", compression="tiff_lzw", artist="A", description="B")
    photo = read_photo(stream.getvalue())
    tags = Image.Exif()
    tags.load(photo.exif or b"")
    assert dict(tags) == {0x0112: 1, 0x013B: "A", 0x010E: "B"}
    tags[0x0100], tags[0x0101] = 4000, 3000  # a camera's size, which must not become the TIFF's
    save_photo(Photo(PIXELS, exif=tags.tobytes()), f"{tmp_path}/photo.tif")
    np.testing.assert_array_equal(read_photo(f"{tmp_path}/photo.tif").rgb, PIXELS)


@pytest.mark.parametrize("exif", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", block("<", 1)[:40]])
def test_damaged_blocks_are_dropped_and_noted(exif: bytes) -> None:
    photo = read_photo(photo_with(exif))
    assert photo.exif is None and photo.notes == ("damaged EXIF dropped",)
    assert photo.rgb.shape == PIXELS.shape


def test_whatever_is_read_can_be_saved() -> None:
    rng, whole = random.Random(0), block("<", 6)
    mark = EditMark("tool", "edit")
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 3])):
            content[rng.randrange(6, len(content))] = rng.choice([0, 1, 2, 4, 12, 255, rng.randrange(256)])
        photo = read_photo(photo_with(bytes(content)))
        for suffix in ("PNG", "JPEG", "WEBP", "TIFF"):
            found = decode(encode_photo(photo, suffix, mark), "photo", MAX_PIXELS)
            assert found.mark == mark and found.rgb.shape == photo.rgb.shape
