"""An edited file shows the old face nowhere: thumbnails and previews, wherever cameras and programs keep them."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from facerelief.api.pictures import photo_of
from facerelief.photos.photo import encode_photo, read_photo
from facerelief.photos.provenance.xmp import EditMark

PIXELS = np.arange(20 * 24 * 3, dtype=np.uint8).reshape(20, 24, 3)
OLD = b"THE OLD FACE" * 30
JPEG = b"\xff\xd8\xff\xe0\x00\x04JF" + OLD + b"\xff\xd9"
RESOURCES = b"8BIM\x04\x0c\0\0" + struct.pack(">L", len(JPEG)) + JPEG
MARK = EditMark("tool", "edit")


def block(order: str = "<") -> bytes:
    """EXIF with a strip thumbnail in IFD1, a preview in strips below IFD0, a maker's preview, Photoshop's and XMP's."""
    values = bytearray()
    base = 8 + 2 + 12 * 6 + 4 + 2 * (2 + 12 * 2 + 4) + 2 + 12 * 2 + 4

    def put(value: bytes) -> int:
        values.extend(value)
        return base + len(values) - len(value)

    sub, second, below = base - 2 * 30 - 30, base - 30 - 30, base - 30
    strips = struct.pack(order + "HHLLHHLL", 273, 4, 1, put(OLD), 279, 4, 1, len(OLD))
    preview = struct.pack(order + "HHLLHHLL", 273, 4, 1, put(OLD), 279, 4, 1, len(OLD))
    maker = struct.pack(order + "HHLL", 37500, 7, len(JPEG) + 6, put(b"MAKER " + JPEG))
    note = struct.pack(order + "HHLL", 37510, 7, 8, put(b"ASCII\0\0\0"))
    first = [
        struct.pack(order + "HHLL", 271, 2, 6, put(b"Maker\0")),
        struct.pack(order + "HHLHH", 274, 3, 1, 1, 0),
        struct.pack(order + "HHLL", 330, 4, 1, sub),
        struct.pack(order + "HHLL", 700, 1, len(OLD), put(OLD)),
        struct.pack(order + "HHLL", 34377, 7, len(RESOURCES), put(RESOURCES)),
        struct.pack(order + "HHLL", 34665, 4, 1, below),
    ]
    two, zero = struct.pack(order + "H", 2), bytes(4)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "LH", 8, 6)
    directories = two + preview + zero + two + strips + zero + two + maker + note + zero
    return b"Exif\0\0" + head + b"".join(first) + struct.pack(order + "L", second) + directories + bytes(values)


def with_block(kind: str, order: str = "<") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind, exif=block(order))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("order", "<>")
def test_no_preview_is_left_and_other_tags_stay(kind: str, order: str) -> None:
    source = with_block(kind, order)
    assert source.count(OLD) == 5
    photo = read_photo(source)
    assert photo.notes == ()
    for written in ("JPEG", "PNG", "WEBP", "TIFF"):
        data = encode_photo(photo, written, MARK)
        assert b"OLD FACE" not in data, written
        with Image.open(io.BytesIO(data)) as image:
            tags = image.getexif()
            assert (tags[271], tags[274]) == ("Maker", 1)
            assert not {330, 34377} & set(tags) and (written == "TIFF" or 700 not in tags)
            below = tags.get_ifd(34665)
            assert below[37500].startswith(b"MAKER ") and below[37510] == b"ASCII\0\0\0"


def test_nor_of_a_tiff() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[271] = "Maker"
    for tag, value in ((34377, RESOURCES), (37724, OLD), (50740, OLD), (33723, b"IPTC")):
        tags.tagtype[tag] = 7
        tags[tag] = value
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "TIFF", tiffinfo=tags, save_all=True, append_images=[Image.new("RGB", (9, 9))])
    assert stream.getvalue().count(OLD) >= 3
    photo = read_photo(stream.getvalue())
    assert photo_of(Image.open(stream)).exif == photo.exif
    for written in ("JPEG", "TIFF"):
        data = encode_photo(photo, written, MARK)
        assert b"OLD FACE" not in data
        with Image.open(io.BytesIO(data)) as image:
            assert image.getexif()[271] == "Maker" and getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nor_where_the_photo_is_an_image_in_memory(kind: str) -> None:
    data = with_block(kind)
    image = Image.open(io.BytesIO(data))
    photo, read = photo_of(image), read_photo(data)
    assert photo.exif == read.exif and b"OLD FACE" in data
    assert b"OLD FACE" not in encode_photo(photo, kind, MARK)
    assert photo_of(Image.fromarray(PIXELS)).exif is None


def test_nor_of_a_phones_second_pictures() -> None:
    """A multi-picture JPEG, as phones write depth and gain maps, with XMP, resources and a video behind it."""
    stream = io.BytesIO()
    packet = b'<x xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/"><xmpGImg:image>' + OLD + b"</xmpGImg:image></x>"
    second = Image.fromarray(PIXELS[::2])
    Image.fromarray(PIXELS).save(stream, "MPO", save_all=True, append_images=[second], xmp=packet)
    resources = b"Photoshop 3.0\0" + RESOURCES
    segment = b"\xff\xed" + struct.pack(">H", len(resources) + 2) + resources
    source = stream.getvalue()
    with Image.open(io.BytesIO(source)) as image:
        assert image.format == "MPO"
    source = source[:2] + segment + source[2:] + OLD
    photo = read_photo(source)
    assert (photo.format, photo.save_format) == ("JPEG", "JPEG")
    data = encode_photo(photo, photo.save_format, MARK)
    assert b"OLD FACE" not in data and b"MPF" not in data and data.count(b"\xff\xd8\xff") == 1
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"


def test_a_broken_list_of_second_pictures_does_not_hide_the_first() -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "MPO", save_all=True, append_images=[Image.fromarray(PIXELS)])
    whole = stream.getvalue()
    at = whole.index(b"MPF\0")
    for place in range(at + 4, at + 90):
        for value in (0, 255):
            photo = read_photo(whole[:place] + bytes([value]) + whole[place + 1 :])
            assert photo.format == "JPEG" and photo.rgb.shape == PIXELS.shape


def test_libraries_say_nothing_on_the_terminal(tmp_path: Path) -> None:
    """libtiff writes to the process's standard error itself; what is wrong is told by us, in one line."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS.repeat(9, 0).repeat(9, 1)).save(stream, "TIFF", compression="tiff_lzw")
    data = bytearray(stream.getvalue())
    data[200:260] = bytes(range(60))
    (tmp_path / "odd.tif").write_bytes(data)
    code = f"from facerelief.photos.photo import read_photo; read_photo({str(tmp_path / 'odd.tif')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1 and "is truncated or damaged" in done.stderr.splitlines()[-1]
    assert "not yet in table" not in done.stderr and "Decode" not in done.stderr
