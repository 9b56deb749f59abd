"""Kinds of files that can hold a C2PA manifest, and whether a file seems to hold one."""

from typing import BinaryIO

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff", "GIF": "image/gif"}
TYPES |= {"AVIF": "image/avif", "MP4": "video/mp4", "MOV": "video/quicktime"}
FILES = {".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".gif": "GIF", ".webp": "WEBP"}

_BOX = b"jumdc2pa"  # how the box of manifests begins, in every kind of file
_BLOCK = 2**22  # bytes


def has_manifest(data: bytes) -> bool:
    """Whether a file's bytes seem to have a C2PA manifest."""
    return _BOX in data


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(16)
    stream.seek(0)
    return head


def stream_has_manifest(stream: BinaryIO) -> bool:
    """As `has_manifest`, of a file that may be large; the stream is at its beginning afterwards."""
    before, found = b"", False
    while not found and (block := stream.read(_BLOCK)):
        found = has_manifest(before + block)
        before = block[-len(_BOX) :]
    stream.seek(0)
    return found


def type_of(stream: BinaryIO) -> str:
    """The media type of an image file with a manifest, by its first bytes; the stream is then at its beginning."""
    data = _head(stream)
    starts = {
        b"\x89PNG": "PNG",
        b"\xff\xd8": "JPEG",
        b"RIFF": "WEBP",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"GIF8": "GIF",
    }
    return next((TYPES[kind] for start, kind in starts.items() if data.startswith(start)), TYPES["AVIF"])
