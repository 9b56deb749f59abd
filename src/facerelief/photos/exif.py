"""EXIF that is copied to an edited file: orientation 1, without previews of the original, otherwise unchanged."""

import re
import struct

from PIL import ExifTags, Image

ORIENTATION = int(ExifTags.Base.Orientation)
XMP = 700
# What Pillow and `struct` raise on damaged blocks and on tags of the wrong type.
EXIF_ERRORS = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error)

_PREFIX = b"Exif\0\0"
_SUB_IFDS, _RESOURCES, _LAYERS = 330, 34377, 37724  # further pictures; Photoshop's resources and layers
# Embedded pictures: a tag of offsets, a tag of lengths.
_PICTURES = ((513, 514), (273, 279), (324, 325))
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_MAX_DIRECTORIES = 64  # and pictures in one
# A JPEG anywhere in the block, such as in maker notes.
_JPEG = re.compile(rb"\xff\xd8\xff[\xc0-\xc4\xdb\xe0-\xef\xfe].*?(?:\xff\xd9|\Z)", re.DOTALL)

# IFD0 tags of a TIFF that describe the photo; others describe its file layout, layers and previews.
_DESCRIBE = {270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, 33723, 34665, 34853, 36867}
_DESCRIBE |= {*range(40091, 40096), ORIENTATION}


def portable_exif(image: Image.Image) -> bytes | None:
    """The EXIF block of an image with orientation 1, or None.

    Previews are removed because they show the photo before the edit.

    Raises:
        Exception: One of `EXIF_ERRORS`, if the block is broken.
    """
    block = image.info.get("exif")
    if not block:
        tags = _portable(image.getexif())  # of a TIFF, whose tags are spread over the file
        block = tags.tobytes() if set(tags) - {ORIENTATION} else None
    return _PREFIX + _cleaned(bytearray(block.removeprefix(_PREFIX))) if block else None


def to_tiff_tags(block: bytes | None, packet: bytes | None) -> Image.Exif:
    """An EXIF block and an XMP packet as tags for Pillow's TIFF writer; unwritable EXIF is left out."""
    tags = Image.Exif()
    try:
        tags.load(block or b"")
        tags = _portable(tags)
        tags.tobytes()
    except EXIF_ERRORS:
        tags = Image.Exif()
    if packet:
        tags[XMP] = packet
    return tags


class _Block:
    """A block that is changed in place, which keeps all offsets valid (maker notes have their own)."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]

    def number(self, kind: str, at: int) -> int:
        return int(struct.unpack_from(self.order + kind, self.data, at)[0])

    def entries(self, start: int) -> tuple[dict[int, int], int]:
        """The offset of each tag's 12-byte entry, and of the link to the next directory."""
        link = start + 2 + 12 * self.number("H", start)
        return {self.number("H", at): at for at in range(start + 2, link, 12)}, link

    def extent(self, entry: int) -> tuple[int, int]:
        """The offset of an entry's value, and its length in bytes."""
        length = _SIZES.get(self.number("H", entry + 2), 1) * self.number("L", entry + 4)
        return (entry + 8 if length <= 4 else self.number("L", entry + 8)), length

    def values(self, entry: int) -> list[int]:
        """The numbers of an entry, up to a limit."""
        start, _ = self.extent(entry)
        kind = "H" if self.number("H", entry + 2) == 3 else "L"
        count = min(self.number("L", entry + 4), _MAX_DIRECTORIES)
        return [self.number(kind, start + k * struct.calcsize("=" + kind)) for k in range(count)]

    def blank(self, start: int, length: int) -> None:
        self.data[start : start + length] = bytes(len(self.data[start : start + length]))

    def remove(self, start: int, entry: int) -> None:
        """Remove an entry and its value from a directory."""
        self.blank(*self.extent(entry))
        _, link = self.entries(start)
        self.data[entry : link - 8] = self.data[entry + 12 : link + 4]
        struct.pack_into(self.order + "H", self.data, start, self.number("H", start) - 1)
        self.blank(link - 8, 12)


def _cleaned(data: bytearray) -> bytes:
    block = _Block(data)
    first = block.number("L", 4)
    places, link = block.entries(first)
    if ORIENTATION in places:
        struct.pack_into(block.order + "HHLHH", data, places[ORIENTATION], ORIENTATION, 3, 1, 1, 0)
    _blank_pictures(block, [block.number("L", link), *(block.values(places[_SUB_IFDS]) if _SUB_IFDS in places else ())])
    struct.pack_into(block.order + "L", data, link, 0)
    for tag in (_SUB_IFDS, _RESOURCES, _LAYERS, XMP):
        if tag in (places := block.entries(first)[0]):
            block.remove(first, places[tag])
    for found in _JPEG.finditer(bytes(data)):
        block.blank(found.start(), found.end() - found.start())
    return bytes(data)


def _blank_pictures(block: _Block, directories: list[int]) -> None:
    """Blank the pictures of directories, of those linked after them, and of their sub-directories."""
    seen: set[int] = set()
    while directories and len(seen) < _MAX_DIRECTORIES:
        start = directories.pop()
        if not start or start in seen:
            continue
        seen.add(start)
        try:
            places, link = block.entries(start)
            directories.append(block.number("L", link))
            directories += block.values(places[_SUB_IFDS]) if _SUB_IFDS in places else ()
            for where, length in _PICTURES:
                if where in places and length in places:
                    extents = zip(block.values(places[where]), block.values(places[length]), strict=False)
                    for extent in list(extents):
                        block.blank(*extent)
        except struct.error:  # not a directory, so no picture can be found by it
            continue


def _portable(tags: Image.Exif) -> Image.Exif:
    """Tags that describe the photo; text as bytes, since Pillow would write `?` for what is not ASCII."""
    for tag, value in list(tags.items()):
        if tag not in _DESCRIBE:
            del tags[tag]
        elif isinstance(value, str):
            tags[tag] = value.encode("latin-1", "replace")
    if len(tags):
        tags[ORIENTATION] = 1
    return tags
