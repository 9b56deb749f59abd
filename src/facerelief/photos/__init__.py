"""Photos: decoding with limits, encoding with metadata, and records of edits (`provenance`)."""

from facerelief.photos.photo import (
    MAX_PHOTO_BYTES,
    MAX_PIXELS,
    SAVE_FORMATS,
    Photo,
    encode_photo,
    read_mark,
    read_photo,
    save_photo,
)

__all__ = [
    "MAX_PHOTO_BYTES",
    "MAX_PIXELS",
    "SAVE_FORMATS",
    "Photo",
    "encode_photo",
    "read_mark",
    "read_photo",
    "save_photo",
]
