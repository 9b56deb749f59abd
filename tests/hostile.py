"""Files that no photo editor wants to be given, made here: `corpus()` is a list of (name, bytes).

None of them holds a face that can be edited: whoever is given one must refuse it in one line, soon, and write nothing.
The names are hostile too, and are to be used as they are where a file system takes them.
"""

import functools
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np
from hostile_endless import endless
from PIL import Image, ImageCms

Entry = tuple[str, bytes]


@functools.cache
def corpus() -> tuple[Entry, ...]:
    """All of them; the names are distinct."""
    found = [*_empty(), *_no_face(), *_truncated(), *_flipped(), *_bombs(), *_wrong_sizes(), *_polyglots(), *_lies(),
             *_metadata(), *_other_kinds(), *_names(), *endless()]  # fmt: skip
    assert len({name for name, _ in found}) == len(found)
    return tuple(found)


# -- pieces ---------------------------------------------------------------------------------------------------------


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


@functools.cache
def _noise(width: int = 96, height: int = 80, mode: str = "RGB") -> Image.Image:
    levels = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(levels).convert(mode)


KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP", "gif": "GIF", "ppm": "PPM"}


@functools.cache
def _whole(suffix: str) -> bytes:
    return _saved(_noise(), KINDS[suffix])


def _chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    check = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", check)


def _png(width: int, height: int, data: bytes, *more: bytes, depth: int = 8, colour: int = 2) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _tiff(*tags: tuple[int, int, int, int]) -> bytes:
    """A little-endian TIFF of one directory; tags: number, type, count, value."""
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<L", 8) + body


# -- kinds of malice ------------------------------------------------------------------------------------------------


def _empty() -> Iterator[Entry]:
    for suffix in (*KINDS, "avif", "heic"):
        yield f"empty.{suffix}", b""
    yield "nul.png", bytes(1)
    yield "nuls.jpg", bytes(100_000)
    yield "spaces.png", b" " * 5000
    yield "text.jpg", b"This is not a photo.\n" * 50
    yield "newline.webp", b"\n"


def _no_face() -> Iterator[Entry]:
    for suffix in KINDS:
        yield f"noise.{suffix}", _whole(suffix)
    yield "black.png", _saved(Image.new("RGB", (300, 200)), "PNG")
    yield "white.jpg", _saved(Image.new("RGB", (300, 200), "white"), "JPEG")
    yield "clear.png", _saved(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "PNG")
    for mode in ("1", "L", "LA", "P", "I;16"):
        picture = Image.fromarray(np.arange(6400, dtype=np.uint16).reshape(80, 80)) if mode == "I;16" else None
        yield f"mode-{mode.replace(';', '')}.png", _saved(picture or _noise(mode="RGBA").convert(mode), "PNG")
    for mode in ("CMYK", "L"):
        yield f"mode-{mode}.jpg", _saved(_noise(mode=mode), "JPEG")
    yield "float-nan.tif", _saved(Image.fromarray(np.full((40, 40), np.nan, np.float32)), "TIFF")
    yield "float-inf.tif", _saved(Image.fromarray(np.full((40, 40), np.inf, np.float32)), "TIFF")
    frames = [Image.new("P", (40, 40), k) for k in range(60)]
    yield "moving.gif", _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield "moving.webp", _saved(_noise(), "WEBP", save_all=True, append_images=[_noise(mode="L").convert("RGB")])


def _truncated() -> Iterator[Entry]:
    for suffix in KINDS:
        data = _whole(suffix)
        for share in (3, 30, 60, 90):
            yield f"cut-{share}.{suffix}", data[: max(1, len(data) * share // 100)]


def _flipped() -> Iterator[Entry]:
    """Bytes changed at random, by a fixed draw, but for the signature."""
    random = np.random.default_rng(11)
    for suffix in KINDS:
        for amount in (3, 60):
            data = bytearray(_whole(suffix))
            for place in random.integers(8, len(data), amount):
                data[place] = int(random.integers(256))
            yield f"flipped-{amount}.{suffix}", bytes(data)


def _bombs() -> Iterator[Entry]:
    """Much out of little: they must be refused by what their headers say."""
    yield "bomb-60000.png", _png(60_000, 60_000, zlib.compress(bytes(1000)))
    yield "bomb-wide.png", _png(2**31 - 1, 1, zlib.compress(bytes(1000)))
    yield "bomb-tall.png", _png(1, 2**31 - 1, zlib.compress(bytes(1000)))
    yield "bomb-deep.png", _png(20_000, 20_000, zlib.compress(bytes(1000)), depth=16)
    yield "bomb-real.png", _png(12_000, 12_000, zlib.compress(bytes(12_000 * 12_001 // 8), 9), depth=1, colour=0)
    yield (
        "bomb-text.png",
        _png(64, 64, zlib.compress(bytes(64 * 193)), _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(9 * 10**6), 9))),
    )
    yield (
        "bomb-itxt.png",
        _png(
            64, 64, zlib.compress(bytes(64 * 193)), _chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(9 * 10**6), 9))
        ),
    )
    yield (
        "bomb-icc.png",
        _png(64, 64, zlib.compress(bytes(64 * 193)), _chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(9 * 10**6), 9))),
    )
    yield "bomb-idat.png", _png(64, 64, zlib.compress(bytes(9 * 10**6), 9))
    jpeg = bytearray(_whole("jpg"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    yield "bomb.jpg", bytes(jpeg)
    gif = bytearray(_whole("gif"))
    gif[6:10] = struct.pack("<HH", 65_535, 65_535)
    yield "bomb.gif", bytes(gif)
    bmp = bytearray(_whole("bmp"))
    bmp[18:26] = struct.pack("<ll", 60_000, 60_000)
    yield "bomb.bmp", bytes(bmp)
    yield "bomb.ppm", b"P6\n60000 60000\n255\n" + bytes(1000)
    yield "bomb-digits.ppm", b"P6\n" + b"9" * 5000 + b" 9\n255\n"
    yield "bomb.tif", _tiff((256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
                            (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 60_000), (279, 4, 1, 100))  # fmt: skip
    webp = b"VP8X" + struct.pack("<L", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    yield "bomb.webp", b"RIFF" + struct.pack("<L", len(webp) + 4) + b"WEBP" + webp
    yield "bomb.gz.png", gzip.compress(bytes(5 * 10**6))
    yield "bomb.zip.jpg", _zipped(("a.png", bytes(5 * 10**6)))
    yield "bomb-nested.png", _zipped(("b.zip", _zipped(("a.png", bytes(5 * 10**6)))))


def _zipped(*entries: Entry) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return stream.getvalue()


def _wrong_sizes() -> Iterator[Entry]:
    yield "pixel.png", _saved(Image.new("RGB", (1, 1)), "PNG")
    yield "strip.png", _saved(Image.new("RGB", (3000, 3)), "PNG")
    yield "narrow.jpg", _saved(Image.new("RGB", (5, 4000)), "JPEG")
    yield "fifteen.webp", _saved(Image.new("RGB", (15, 15)), "WEBP")
    yield "nought.png", _png(0, 0, zlib.compress(b""))
    yield "nought-high.png", _png(64, 0, zlib.compress(b""))
    yield "negative.bmp", _whole("bmp")[:18] + struct.pack("<ll", -64, -64) + _whole("bmp")[26:]
    yield "negative.ppm", b"P6\n-64 -64\n255\n" + bytes(3 * 64 * 64)
    yield "nought.gif", b"GIF89a\0\0\0\0\0\0\0;"


def _polyglots() -> Iterator[Entry]:
    """Two things at once."""
    archive = _zipped(("../../evil.txt", b"outside"), ("/tmp/evil.txt", b"outside"))
    for suffix in ("png", "jpg", "gif", "webp"):
        yield f"with-zip.{suffix}", _whole(suffix) + archive
    html = b"<html><script>alert(1)</script></html>"
    yield "html.jpg", html
    yield "html-in.gif", b"GIF89a/*" + html + b"*/=1;"
    yield "html-after.png", _whole("png") + html
    yield "script.png", b"#!/bin/sh\ntouch evil.txt\n"
    yield "elf.jpg", b"\x7fELF\x02\x01\x01" + bytes(200)
    yield "mz.bmp", b"MZ" + bytes(300)
    yield "pdf.jpg", b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n"
    yield "jpg-png.png", _whole("jpg")[:300] + _whole("png")
    yield "bm-ppm.bmp", b"BM" + _whole("ppm")
    yield "pickle.png", b"\x80\x04\x95\x1d\0\0\0\0\0\0\0\x8c\x02os\x8c\x06system\x93\x8c\x0btouch evil.\x85R."
    yield "tar.png", b"../../evil.txt".ljust(100, b"\0") + b"0000644\0" + bytes(404)


def _lies() -> Iterator[Entry]:
    """Of another kind than the name or the header says, or at odds with themselves."""
    yield "a-jpg.png", _whole("jpg")
    yield "a-png.jpg", _whole("png")
    yield "a-gif.tif", _whole("gif")
    yield "crc.png", _png(64, 64, zlib.compress(bytes(64 * 193)), _chunk(b"gAMA", bytes(4), crc=0))
    yield (
        "no-idat.png",
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">LLBBBBB", 64, 64, 8, 2, 0, 0, 0)) + _chunk(b"IEND", b""),
    )
    yield "no-ihdr.png", b"\x89PNG\r\n\x1a\n" + _chunk(b"IDAT", zlib.compress(bytes(100))) + _chunk(b"IEND", b"")
    yield "colour-9.png", _png(64, 64, zlib.compress(bytes(64 * 193)), colour=9)
    yield "depth-99.png", _png(64, 64, zlib.compress(bytes(64 * 193)), depth=99)
    yield "no-palette.png", _png(64, 64, zlib.compress(bytes(64 * 65)), colour=3)
    yield "short-idat.png", _png(64, 64, zlib.compress(bytes(100)))
    yield "bad-zlib.png", _png(64, 64, b"not zlib at all" * 9)
    yield "long-chunk.png", b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 2**31 - 1) + b"IHDR" + bytes(100)
    yield "markers.jpg", b"\xff\xd8" + b"\xff\xe0\x00\x02" * 3000 + b"\xff\xd9"
    yield "fill.jpg", b"\xff\xd8" + b"\xff" * 50_000
    yield "soi.jpg", b"\xff\xd8\xff"
    yield "huffman.jpg", _whole("jpg").replace(b"\xff\xc4", b"\xff\xc5", 1)
    yield "quantum.jpg", _whole("jpg").replace(b"\xff\xdb", b"\xff\xdc", 1)
    yield "loop.tif", b"II*\0" + struct.pack("<L", 8) + struct.pack("<H", 0) + struct.pack("<L", 8)
    yield "far.tif", b"II*\0" + struct.pack("<L", 2**32 - 2)
    yield "tags.tif", _tiff(*[(256, 4, 2**32 - 1, 2**32 - 1)] * 500)
    yield "strips.tif", _tiff((256, 3, 1, 64), (257, 3, 1, 64), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 10**6, 8),
                              (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 10**6, 8))  # fmt: skip
    yield "riff.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + struct.pack("<L", 2**31) + bytes(50)
    yield "lzw.gif", b"GIF89a\x40\0\x40\0\x80\0\0" + bytes(6) + b",\0\0\0\0\x40\0\x40\0\0\x0c\xff" + b"\xff" * 300
    yield "heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    yield "avif.png", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(200)
    yield "ppm-max.ppm", b"P6\n64 64\n0\n" + bytes(3 * 64 * 64)
    yield "ppm-words.ppm", b"P6\nsixty four\n255\n" + bytes(300)


def _metadata() -> Iterator[Entry]:
    """Absurd EXIF, profiles and XMP around a picture without a face."""
    blocks = {
        "cut": b"Exif\0\0II*\0",
        "loop": b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "far": b"Exif\0\0MM\0*\xff\xff\xff\xff",
        "many": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(600),
        "order": b"Exif\0\0XX*\0\x08\0\0\0",
        "turn": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\xff\xff\0\0\0\0\0\0",
        "count": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\xff\xff\xff\xff\x06\0\0\0\0\0\0\0",
        "float": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x0c\0\x01\0\0\0\x1a\0\0\0\0\0\0\0"
        + struct.pack("<d", float("nan")),
        "large": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\xe8\xfd\0\0\x1a\0\0\0\0\0\0\0" + b"A" * 64_000,
    }
    for name, block in blocks.items():
        yield f"exif-{name}.jpg", _saved(_noise(), "JPEG", exif=block)
        yield f"exif-{name}.webp", _saved(_noise(), "WEBP", exif=block)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiles = {"none": b"\0", "noise": bytes(range(256)) * 20, "cut": srgb[:200], "size": b"\xff" * 4 + srgb[4:]}
    for name, profile in profiles.items():
        yield f"icc-{name}.jpg", _saved(_noise(), "JPEG", icc_profile=profile)
        yield f"icc-{name}.png", _saved(_noise(), "PNG", icc_profile=profile)
    laughs = (
        b'<!DOCTYPE x [<!ENTITY a "ha">'
        + b"".join(b'<!ENTITY %c "%s">' % (98 + k, b"&%c;" % (97 + k) * 10) for k in range(9))
        + b"]><x>&j;</x>"
    )
    packets = {"laughs": laughs, "file": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
               "depth": b"<a>" * 20_000, "bytes": b"\xff\xfe\0<"}  # fmt: skip
    for name, packet in packets.items():
        yield f"xmp-{name}.jpg", _saved(_noise(), "JPEG", xmp=packet)
        yield f"xmp-{name}.webp", _saved(_noise(), "WEBP", xmp=packet)


def _other_kinds() -> Iterator[Entry]:
    """What Pillow would open, some of it by starting other programs, and what are no pictures at all."""
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n(%pipe%touch evil.txt) (w) file\n"
    yield "program.eps", eps
    yield "eps.png", eps
    yield "svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "mvg.jpg", b"push graphic-context\nfill 'url(https://127.0.0.1/\"|touch evil.txt\")'\npop graphic-context\n"
    yield "wmf.jpg", b"\xd7\xcd\xc6\x9a" + bytes(100)
    yield "psd.png", b"8BPS\0\x01" + bytes(60)
    yield "fits.jpg", b"SIMPLE  =                    T" + b" " * 3000
    yield "icns.png", b"icns\0\0\0\x20" + bytes(24)
    yield "ico.png", b"\0\0\1\0\1\0\x40\x40\0\0\1\0\x20\0\xff\xff\xff\x7f\x16\0\0\0"
    yield "hdf5.jpg", b"\x89HDF\r\n\x1a\n" + bytes(100)
    yield "video.png", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100)
    yield "playlist.jpg", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield "clip.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    yield "concat.mkv", b"ffconcat version 1.0\nfile '/etc/passwd'\n"
    yield "empty.mp4", b""
    yield "moov.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">L", 2**32 - 1) + b"moov" + bytes(100)
    yield "noise.webm", b"\x1aE\xdf\xa3" + bytes(range(256)) * 8
    yield "riff.avi", b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrlavih" + bytes(200)


def _names() -> Iterator[Entry]:
    """Pictures without a face under names that a file system takes and a terminal or a shell may not."""
    picture = _whole("png")
    for name in ("-rf.png", "--help.png", "$(touch evil.txt).png", ";id;.png", "a\nb.png", "a\x1b[31mred.png",
                 "\u202egnp.exe.png", "\udcff\udcfe.png", "{name}.png", "[red]x.png", ":cat:.png", "%s%n%x.png",
                 "…\u0000"[:1] + ".png", "..png", "...png", " .png", "a b  c.png", "x" * 200 + ".png", "CON.png",
                 "me*.png", "[a-z].png", "~.png", "'\"`.png"):  # fmt: skip
        yield name, picture
