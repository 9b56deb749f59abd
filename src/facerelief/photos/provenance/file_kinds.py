"""File formats that can hold a C2PA manifest, and a quick test for one."""

from typing import BinaryIO

MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff", "GIF": "image/gif"}
MEDIA_TYPES |= {"AVIF": "image/avif", "MP4": "video/mp4", "MOV": "video/quicktime"}
MANIFEST_SUFFIXES = {".mp4": "MP4", ".m4v": "MP4", ".mov": "MOV", ".gif": "GIF", ".webp": "WEBP"}

_BOX = b"jumdc2pa"  # the start of the manifest box, in every format
_BLOCK = 2**22  # bytes


def has_manifest(data: bytes) -> bool:
    """Whether a file seems to contain a C2PA manifest."""
    return _BOX in data


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    head = stream.read(16)
    stream.seek(0)
    return head


def stream_has_manifest(stream: BinaryIO) -> bool:
    """`has_manifest` for a stream, which is rewound."""
    before, found = b"", False
    while not found and (block := stream.read(_BLOCK)):
        found = has_manifest(before + block)
        before = block[-len(_BOX) :]
    stream.seek(0)
    return found


def media_type_of(stream: BinaryIO) -> str:
    """The media type of an image file by its first bytes; rewinds the stream."""
    data = _head(stream)
    starts = {
        b"\x89PNG": "PNG",
        b"\xff\xd8": "JPEG",
        b"RIFF": "WEBP",
        b"II*\0": "TIFF",
        b"MM\0*": "TIFF",
        b"GIF8": "GIF",
    }
    return next((MEDIA_TYPES[kind] for start, kind in starts.items() if data.startswith(start)), MEDIA_TYPES["AVIF"])
