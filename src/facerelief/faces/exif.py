"""EXIF that goes from one file to another: upright, without the thumbnail, and otherwise as it was."""

import struct

from PIL import ExifTags, Image

ORIENTATION = int(ExifTags.Base.Orientation)
XMP = 700
# What Pillow and `struct` raise on damaged blocks and on tags of the wrong type.
DAMAGE = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error)

_PREFIX = b"Exif\0\0"
_THUMBNAIL, _THUMBNAIL_BYTES = 513, 514

# IFD0 tags of a TIFF's pixel layout, and those that travel apart (XMP, ICC, C2PA): another file's would be wrong.
_LAYOUT = {*range(254, 260), 262, 266, 273, *range(277, 280), 284, 317, 320, *range(322, 326), 330, 338, 339, 347}
_LAYOUT |= {512, _THUMBNAIL, _THUMBNAIL_BYTES, 529, 530, 532, XMP, 34675, 52545}


def take(image: Image.Image) -> bytes | None:
    """The EXIF block of an opened image with orientation 1 and no thumbnail, or None where it has none.

    The thumbnail goes because it shows the photo before the edit. Raises one of `DAMAGE` where the block is broken.
    """
    block = image.info.get("exif")
    if block:
        return _PREFIX + _settled(bytearray(block.removeprefix(_PREFIX)))
    tags = _portable(image.getexif())  # of a TIFF, whose tags are spread over the file
    return tags.tobytes() if set(tags) - {ORIENTATION} else None


def as_tiff_tags(block: bytes | None, packet: bytes | None) -> Image.Exif:
    """An EXIF block and an XMP packet as tags for Pillow's TIFF writer; EXIF that it cannot write is left out."""
    tags = Image.Exif()
    try:
        tags.load(block or b"")
        tags = _portable(tags)
        tags.tobytes()
    except DAMAGE:
        tags = Image.Exif()
    if packet:
        tags[XMP] = packet
    return tags


def _settled(data: bytearray) -> bytes:
    """A block changed in place, so that all offsets in it still hold (maker notes have their own)."""
    order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
    (first,) = struct.unpack_from(order + "L", data, 4)
    places, link = _directory(data, order, first)
    if ORIENTATION in places:
        struct.pack_into(order + "HHLHH", data, places[ORIENTATION], ORIENTATION, 3, 1, 1, 0)
    (second,) = struct.unpack_from(order + "L", data, link)
    if second:
        struct.pack_into(order + "L", data, link, 0)
        _blank_thumbnail(data, order, second)
    return bytes(data)


def _blank_thumbnail(data: bytearray, order: str, directory: int) -> None:
    places, _ = _directory(data, order, directory)
    if _THUMBNAIL in places and _THUMBNAIL_BYTES in places:
        (start,) = struct.unpack_from(order + "L", data, places[_THUMBNAIL] + 8)
        (length,) = struct.unpack_from(order + "L", data, places[_THUMBNAIL_BYTES] + 8)
        data[start : start + length] = bytes(len(data[start : start + length]))


def _directory(data: bytearray, order: str, start: int) -> tuple[dict[int, int], int]:
    """Where each tag's 12-byte entry stands, and where the link to the next directory does."""
    (count,) = struct.unpack_from(order + "H", data, start)
    link = start + 2 + 12 * count
    return {struct.unpack_from(order + "H", data, at)[0]: at for at in range(start + 2, link, 12)}, link


def _portable(tags: Image.Exif) -> Image.Exif:
    """Tags without the source's pixel layout; text as bytes, since Pillow would write `?` for what is not ASCII."""
    for tag, value in list(tags.items()):
        if tag in _LAYOUT:
            del tags[tag]
        elif isinstance(value, str):
            tags[tag] = value.encode("latin-1", "replace")
    if len(tags):
        tags[ORIENTATION] = 1
    return tags
