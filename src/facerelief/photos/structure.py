"""The structure of an image file, checked before decoding to bound the cost.

A small file can take hours to decode, such as a progressive JPEG with thousands of empty scans or millions of empty
chunks. The parts of the common formats are counted in one pass, which stops at the limits.
"""

import re
import struct

from facerelief.errors import PhotoError

# Real photos have at most 10 scans, tens of segments, and about 1 chunk per kilobyte.
MAX_SCANS = 100
MAX_SEGMENTS = 4_000
MAX_CHUNKS = 500
_MAX_PIXEL_SCANS = 1_500_000_000  # of a JPEG that is decoded here: 15 scans of 100 megapixels
_MAX_TABLES = 100_000  # bytes of a JPEG's tables
_MAX_RESOURCES = 2_000_000  # bytes of Photoshop's resources
_MAX_STRAY = 10_000  # bytes between segments
_MAX_EXIF_SEGMENTS = 20

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # within a scan's data, 0 is stuffing, d0 to d7 are restarts
_BARE = {0x01, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)}  # what Pillow takes for markers without a length
_EOI, _SOS, _APP1, _APP13 = 0xD9, 0xDA, 0xE1, 0xED
_FRAMES = {0xC0, 0xC1, 0xC2}  # Huffman-coded, sequential or progressive; others are rare, and slow
_ALL_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_TABLE = {0xC4, 0xCC, 0xDB}
_NOT_PACKED = (b"\0\0\0\0", b"\3\0\0\0")  # BMP without compression
_OTHERS = (b"II", b"MM", b"GIF8", *(b"P%c" % letter for letter in b"0123456fy"))  # TIFF, GIF, PPM and its kin
PPM_16BIT = re.compile(rb"P6\s(\d{1,9})\s(\d{1,9})\s65535\s")
_PIXMAP = re.compile(rb"P[56]\s\d{1,9}\s\d{1,9}\s255\s")


def is_cheap_to_decode(data: bytes, name: str) -> bool:
    """Whether a file decodes in time proportional to its pixels and bytes. False for formats that are not checked.

    True also for files that are not images, which are refused at once.

    Raises:
        PhotoError: A JPEG, PNG or WebP has far more parts than photos have.
    """
    if data.startswith(b"\xff\xd8"):
        return _plain_jpeg(data, name)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _plain_png(data, name)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _plain_webp(data, name)
    if data.startswith(b"BM"):
        return data[14:15] == b"\x0c" or data[30:34] in _NOT_PACKED
    if _PIXMAP.match(data) or PPM_16BIT.match(data):
        return True
    return not data.startswith(_OTHERS) and data[4:8] != b"ftyp"


def is_lossless_webp(data: bytes) -> bool:
    """Whether a file is a WebP whose pixels are stored without loss."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return False
    place = 12
    while place + 8 <= len(data) and data[place : place + 4] not in (b"VP8 ", b"VP8L", b"ANMF"):
        place += 8 + (int.from_bytes(data[place + 4 : place + 8], "little") + 1) // 2 * 2
    return data[place : place + 4] == b"VP8L"


def _refuse(name: str, what: str, most: int) -> PhotoError:
    return PhotoError(f"{name} has more than {most} {what}, which no photo has; save it again with another program")


def _plain_jpeg(data: bytes, name: str) -> bool:
    at, segments, scans, stray, exif = 2, 0, 0, 0, 0
    tables, resources, pixels, plain = 0, 0, 0, True
    while found := (_AFTER_SCAN if scans else _MARKER).search(data, at):
        stray += 0 if scans else found.start() - at
        at, marker = found.end(), data[found.end() - 1]
        segments += 1
        if (marker == _EOI and scans) or segments > MAX_SEGMENTS or stray > _MAX_STRAY:
            break
        if marker in _BARE:
            continue
        body, at = at + 2, at + int.from_bytes(data[at : at + 2], "big")
        scans += marker == _SOS
        exif += marker == _APP1 and data.startswith(b"Exif\0\0", body)
        tables += at - body if marker in _TABLE else 0
        resources += at - body if marker == _APP13 else 0
        if marker in _ALL_FRAMES:
            plain = plain and marker in _FRAMES
            pixels = max(pixels, _product(data[body + 1 : body + 5]))
        if scans > MAX_SCANS:
            raise _refuse(name, "scans", MAX_SCANS)
    stray += 0 if scans else max(0, len(data) - at)
    _check(name, (segments, MAX_SEGMENTS, "segments"), (stray, _MAX_STRAY, "bytes between its segments"),
           (exif, _MAX_EXIF_SEGMENTS, "EXIF segments"), (tables, _MAX_TABLES, "bytes of tables"),
           (resources, _MAX_RESOURCES, "bytes of Photoshop resources"))  # fmt: skip
    return plain and scans * pixels <= _MAX_PIXEL_SCANS


def _product(sides: bytes) -> int:
    return int.from_bytes(sides[:2], "big") * int.from_bytes(sides[2:], "big")


def _check(name: str, *counts: tuple[int, int, str]) -> None:
    for count, most, what in counts:
        if count > most:
            raise _refuse(name, what, most)


def _plain_png(data: bytes, name: str) -> bool:
    at, pixels, others = 8, 0, 0
    while at + 8 <= len(data) and others <= MAX_CHUNKS and pixels <= MAX_CHUNKS + at // 512:
        length, kind = struct.unpack_from(">L4s", data, at)
        if kind == b"IEND":
            break
        pixels, others = (pixels + 1, others) if kind in (b"IDAT", b"fdAT", b"fcTL") else (pixels, others + 1)
        at += 12 + length
    _check(name, (others, MAX_CHUNKS, "chunks beside its pixels"))
    if pixels > MAX_CHUNKS + at // 512:
        raise PhotoError(
            f"{name} has its pixels in over {MAX_CHUNKS} chunks of a few bytes; save it again with another program"
        )
    return True


def _plain_webp(data: bytes, name: str) -> bool:
    at, chunks = 12, 0
    while at + 8 <= len(data) and chunks <= MAX_SEGMENTS:
        at += 8 + (length := int.from_bytes(data[at + 4 : at + 8], "little")) + length % 2
        chunks += 1
    _check(name, (chunks, MAX_SEGMENTS, "chunks or frames"))
    return True
