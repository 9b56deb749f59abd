"""Decoding of image files by Pillow, with colour profiles, orientation and EXIF."""

import contextlib
import dataclasses
import io
import logging
import re
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from facerelief.array_types import RGB, UInt8
from facerelief.errors import PhotoError
from facerelief.photos import exif
from facerelief.photos.color_modes import to_8bit, to_rgb
from facerelief.photos.provenance.xmp import EditMark, from_comment, parse_xmp
from facerelief.photos.structure import PPM_16BIT
from facerelief.quiet import quiet
from facerelief.strips import pixels_of

MIN_SIDE = 16

# Further formats of Pillow start other programs or are not photos (EPS, WMF, ...).
_READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
_SAME = {"MPO": "JPEG"}  # a JPEG with more pictures appended, as many phones write
_DECODE_ERRORS = (
    *exif.EXIF_ERRORS,
    AssertionError,
    EOFError,
    RuntimeError,
)  # what Pillow's decoders raise on damaged files
_MAX_COMMENT = 1000  # bytes
_MAX_EXIF, _MAX_PROFILE, _MAX_XMP = 65_527, 4_000_000, 1_000_000  # bytes; a JPEG holds no more EXIF
_REMOTE = re.compile(rb"dcterms:provenance\s*(?:=\s*[\"']|>)\s*https?:", re.IGNORECASE)  # where C2PA puts that address

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

logging.getLogger("PIL").addHandler(logging.NullHandler())  # otherwise warnings on damaged files reach the terminal


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """The content of a file; fields as in `Photo`."""

    rgb: RGB
    alpha: UInt8 | None
    icc: bytes | None
    exif: bytes | None
    format: str
    notes: tuple[str, ...]
    mark: EditMark | None


def decode(data: bytes, name: str, max_pixels: int, on_size: Callable[[int], None] = lambda pixels: None) -> Decoded:
    """Decode an image file.

    Args:
        data: The file's bytes.
        name: For messages.
        max_pixels: The limit.
        on_size: Called with the number of pixels before they are decoded.

    Raises:
        PhotoError: As `read_photo`.
    """
    notes: list[str] = []
    with quiet():  # Pillow's warnings are turned into errors and notes
        image = _open(_reduce_16bit(data, max_pixels, notes), name)
        _check_size(image, name, max_pixels)
        on_size(image.width * image.height)
        if ";16" in repr(image.tile) and not image.mode.startswith("I"):
            notes.append("16-bit reduced to 8-bit")
        with decoding_errors(name):
            image.load()
            upright, block = apply_orientation(image, notes)
            plain, alpha = to_8bit(upright, notes)
            rgb, icc = to_rgb(plain, _small(upright.info.get("icc_profile"), _MAX_PROFILE, "profile", notes), notes)
        mark = _mark(image, notes)
        frames = _frame_count(image)  # last, since counting leaves the first frame
        if frames > 1:
            notes.append(f"first of {frames} frames")
        format = image.format or ""
        return Decoded(pixels_of(rgb), alpha, icc, block, _SAME.get(format, format), tuple(notes), mark)


def _mark(image: Image.Image, notes: list[str]) -> EditMark | None:
    comment, packet = image.info.get("comment"), image.info.get("xmp")
    if image.format == "GIF" and isinstance(comment, bytes):  # GIFs have no XMP
        return from_comment(comment[:_MAX_COMMENT].decode(errors="replace"))
    if not isinstance(packet, bytes) or len(packet) > _MAX_XMP:
        return None
    if _REMOTE.search(packet):
        notes.append("its C2PA manifest is stored at an address, and is lost in an edit")
    return parse_xmp(packet)


def _open(data: bytes, name: str) -> ImageFile.ImageFile:
    """Open an image: reads the header, decodes no pixels."""
    Image.init()
    try:
        with decoding_errors(name):
            return Image.open(io.BytesIO(data), formats=[name for name in _READABLE if name in Image.OPEN])
    except UnidentifiedImageError as reason:
        raise PhotoError(f"{name} {_why_not_an_image(data[:12])}") from reason
    except Image.DecompressionBombError as reason:
        raise PhotoError(f"{name} has too many pixels (decompression bomb?); shrink it") from reason


def _reduce_16bit(data: bytes, max_pixels: int, notes: list[str]) -> bytes:
    """Convert a 16-bit PPM to 8 bits, for which Pillow would take a minute; other files are unchanged."""
    found = PPM_16BIT.match(data)
    if not found:
        return data
    width, height = map(int, found.groups())
    count = 3 * width * height
    if width * height > max_pixels or len(data) - found.end() < 2 * count:
        return data
    rows = np.frombuffer(data, ">u2", count, found.end()).reshape(height, 3 * width)
    eight = ((np.arange(65536) + 128) // 257).astype(np.uint8)
    notes.append("16-bit reduced to 8-bit")
    return b"P6 %d %d 255\n" % (width, height) + b"".join(eight[row].tobytes() for row in rows)


def _why_not_an_image(head: bytes) -> str:
    if not head:
        return "is empty (zero bytes); copy or download it again"
    if head[4:8] == b"ftyp" and head[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        return "is a HEIC photo, which cannot be read; export it as JPEG or PNG"
    return "is not an image, or its header is damaged; give a JPEG, PNG, WebP, TIFF, AVIF, GIF or BMP photo"


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise PhotoError(f"{name} is {width}x{height}, over the limit of {max_pixels} pixels; shrink it")
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{name} is only {width}x{height} pixels; give a photo of at least {MIN_SIDE} a side")


@contextlib.contextmanager
def decoding_errors(name: str) -> Iterator[None]:
    """Turn errors of decoding into `PhotoError`."""
    try:
        yield
    except UnidentifiedImageError:
        raise
    except MemoryError as reason:
        raise PhotoError(f"{name} does not fit into memory; shrink it") from reason
    except _DECODE_ERRORS as reason:
        raise PhotoError(_damaged(name, reason)) from reason


def _damaged(name: str, reason: BaseException) -> str:
    said = " ".join(str(reason).split())  # some decoders raise without a message
    return f"{name} is truncated or damaged{f' ({said})' if said else ''}; copy or download it again"


def apply_orientation(image: Image.Image, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """The upright image, and its EXIF block with orientation 1."""
    upright, block = image, None
    try:
        orientation = image.getexif().get(exif.ORIENTATION)
        if orientation in _UPRIGHT:
            upright = image.transpose(_UPRIGHT[orientation])
        block = _small(exif.portable_exif(image), _MAX_EXIF, "EXIF", notes)
    except exif.EXIF_ERRORS:
        notes.append("damaged EXIF dropped")
    return upright, block


def _small(block: object, most: int, what: str, notes: list[str]) -> bytes | None:
    """A block of metadata, or None if it is missing or too large."""
    if isinstance(block, bytes) and len(block) > most:
        notes.append(f"{what} of {len(block) // 1000} kB dropped")
    return block if isinstance(block, bytes) and len(block) <= most else None


def _frame_count(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _DECODE_ERRORS:  # in a later frame, which is not read
        return 1
