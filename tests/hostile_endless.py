"""Small files that ask for minutes or hours of decoding: `endless()` gives them with their names; none holds a face."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

Entry = tuple[str, bytes]
AMOUNT = 1_500_000  # bytes of parts: seconds to minutes for a decoder that looks at each


def _saved(kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    levels = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(levels).save(stream, kind, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def _many(part: bytes) -> bytes:
    return part * (AMOUNT // len(part))


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def _chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def progressive(scans: int, side: int) -> bytes:
    """A grey progressive JPEG of `side` x `side` pixels: one scan of DC, then empty scans of AC."""
    blocks, bits = (-(-side // 8)) ** 2, ""
    while blocks >= 16384:  # runs of 16384 + 14 bits; the last blocks by shorter runs
        run = min(blocks, 32767)
        bits, blocks = bits + "0" + format(run - 16384, "014b"), blocks - run
    while blocks:
        power = blocks.bit_length() - 1
        run = min(blocks, 2 ** (power + 1) - 1)
        bits += format(0b10000 + power, "05b") + (format(run - 2**power, f"0{power}b") if power else "")
        blocks -= run
    bits += "1" * (-len(bits) % 8)
    data = bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")
    tables = _segment(0xC4, bytes([0, 1, *[0] * 15, 0]))
    tables += _segment(0xC4, bytes([16, 1, 0, 0, 0, 14, *[0] * 11, 0xE0, *(power << 4 for power in range(14))]))
    frame = _segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    dc = _segment(0xDA, b"\1\1\0\0\0\0") + bytes((-(-side // 8)) ** 2 // 8 + 1)
    ac = _segment(0xDA, b"\1\1\0\1\x3f\0") + data
    return b"\xff\xd8" + _segment(0xDB, b"\0" + b"\1" * 64) + frame + tables + dc + ac * scans + b"\xff\xd9"


def endless() -> Iterator[Entry]:
    """All of them."""
    yield from _jpegs()
    yield from _pngs()
    yield from _others()
    yield from _tiffs()


def _jpegs() -> Iterator[Entry]:
    jpeg = _saved("JPEG")
    parts = {
        "markers": _many(b"\xff\xe5\0\2"),
        "fill": b"\xff" * AMOUNT,
        "junk": bytes(AMOUNT),
        "rst": _many(b"\xff\xd0"),
        "profiles": _many(_segment(0xE2, b"ICC_PROFILE\0\1\xff")),
        "exif": _many(_segment(0xE1, b"Exif\0\0" + bytes(900))),
        "quantum": _many(_segment(0xDB, (b"\0" + b"\1" * 64) * 1000)),
        "resources": _segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 5400) * 40,
        "hidden": _many(b"\xff\xc8\xff\xff" + b"\xff\xe5\0\2" * 16_383),
    }
    for name, part in parts.items():
        yield f"endless-{name}.jpg", jpeg[:2] + part + jpeg[2:]
    yield "endless-scans.jpg", progressive(6000, 5000)
    yield "endless-scans-slow.jpg", progressive(95, 6000)  # as many as may be, of many pixels
    yield "endless-tail.jpg", b"\xff\xd8\xff\xd9" + bytes(AMOUNT)
    yield "endless-restarts.jpg", progressive(90, 4000).replace(b"\xff\xc2", b"\xff\xdd\0\4\0\1\xff\xc2", 1)
    yield "endless-arithmetic.jpg", jpeg.replace(b"\xff\xc0", b"\xff\xc9", 1)


def _pngs() -> Iterator[Entry]:
    png = _saved("PNG")
    before = {"chunks": _chunk(b"abCd"), "texts": _chunk(b"tEXt", b"a\0"), "empty": _chunk(b"IDAT")}
    for name, part in before.items():
        yield f"endless-{name}.png", png[:33] + _many(part) + png[33:]
    yield "endless-after.png", png[:-12] + _many(_chunk(b"abCd")) + png[-12:]
    large = zlib.compress(bytes(2**20 - 1), 9)
    for name, part in {"iCCP": b"a\0\0", "zTXt": b"a\0\0", "iTXt": b"a\0\1\0\0\0"}.items():
        yield f"endless-{name}.png", png[:33] + _many(_chunk(name.encode(), part + large)) + png[33:]
    frames = b"".join(_chunk(b"fcTL", struct.pack(">LLLLLHHBB", k, 64, 64, 0, 0, 1, 9, 0, 0)) for k in range(20_000))
    yield "endless-frames.png", png[:33] + _chunk(b"acTL", struct.pack(">LL", 20_000, 0)) + frames + png[33:]


def _others() -> Iterator[Entry]:
    gif, webp, pixels = _saved("GIF"), _saved("WEBP"), bytes(64 * 64 * 3)
    head = len(gif) - len(gif[gif.index(b",") :])
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0"
    yield "endless-frames.gif", gif[:-1] + _many(frame) + b";"
    yield "endless-blocks.gif", gif[:head] + b"!\xfe" + _many(b"\1a") + b"\0" + gif[head:]
    yield "endless-extensions.gif", gif[:head] + _many(b"!\xfe\0") + gif[head:]
    chunks = _many(b"abcd\0\0\0\0")
    yield "endless-chunks.webp", b"RIFF" + struct.pack("<L", len(webp) - 8 + len(chunks)) + webp[8:] + chunks
    yield "endless-spaces.ppm", b"P6" + b" " * AMOUNT + b"64 64\n255\n" + pixels
    yield "endless-comment.ppm", b"P6\n#" + b"x" * AMOUNT + b"\n64 64\n255\n" + pixels
    yield "endless-words.ppm", b"P3\n700 700\n255\n" + b"1 " * (AMOUNT // 2)
    yield "endless-levels.ppm", b"P6\n700 700\n254\n" + bytes(700 * 700 * 3)
    for name, data in {"lines": b"\0\0" * (AMOUNT // 2), "dots": b"\1\1\0\0" * 4000}.items():
        yield f"endless-{name}.bmp", _packed_bmp(4000, data)
    box = struct.pack(">L", 8) + b"free"
    yield "endless-boxes.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + _many(box)


def _packed_bmp(side: int, data: bytes) -> bytes:
    palette = b"".join(bytes([k, k ^ 3, k, 0]) for k in range(256))
    header = struct.pack("<LllHHLLllLL", 40, side, side, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<LLL", 1078 + len(data), 0, 1078) + header + palette + data


def _tiffs() -> Iterator[Entry]:
    """Strips that lie over each other, and directories without end."""
    yield "endless-strips.tif", _tiff(2000, 1999, [8, 9] * 3000, [4_000_000] * 6000) + bytes(4_000_000)
    yield "endless-short-strips.tif", _tiff(64, 1, [8] * 190_000, [64] * 190_000)
    whole = bytearray(_tiff(64, 64, [8], [4096]) + bytes(4096))
    start = len(whole)
    struct.pack_into("<L", whole, 8 + 2 + 12 * 9, start)
    directories = b"".join(struct.pack("<HL", 0, start + 6 * k) for k in range(1, AMOUNT // 6))
    yield "endless-directories.tif", bytes(whole) + directories
    tags = b"".join(struct.pack("<HHLL", 1000 + k, 2, AMOUNT, 8) for k in range(60_000))
    yield "endless-tags.tif", b"II*\0" + struct.pack("<LH", 8, 60_000) + tags + bytes(AMOUNT)
    entries = _many(struct.pack("<HHQQ", 256, 4, 1, 64))
    yield "endless-big.tif", b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, 2**40) + entries


def _tiff(side: int, rows: int, offsets: list[int], counts: list[int]) -> bytes:
    """A grey TIFF without compression, `rows` a strip."""
    count, base = len(offsets), 8 + 2 + 12 * 9 + 4
    tags = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, count, base), (277, 3, 1, 1), (278, 4, 1, rows), (279, 4, count, base + 4 * count)]
    if count == 1:
        tags[5], tags[8] = (273, 4, 1, offsets[0]), (279, 4, 1, counts[0])
    body = b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<LH", 8, 9) + body + struct.pack(f"<{2 * count}L", *offsets, *counts)
