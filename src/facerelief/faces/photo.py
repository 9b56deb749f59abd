"""Image files become pixels here and go back: nothing else knows about formats, colour profiles and orientation."""

import contextlib
import dataclasses
import hashlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from facerelief.errors import PhotoError
from facerelief.faces import exif
from facerelief.faces.credentials import sign
from facerelief.faces.mark import EditMark, pack, unpack
from facerelief.faces.modes import Pixels, flat, to_rgb
from facerelief.faces.quiet import quiet
from facerelief.faces.watermark import imprint
from facerelief.files import atomic, open_file

Source = Path | str | bytes | BinaryIO

MAX_PIXELS = 100_000_000
MIN_SIDE = 16
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}

# Pillow opens further formats that start other programs or hold no photos (EPS, WMF, ...): those stay shut.
_READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
_DAMAGE = (*exif.DAMAGE, AssertionError, EOFError, RuntimeError)  # what Pillow's decoders raise on damaged files

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_JPEG_SIDE = 65500

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its remarks on damaged files reach the terminal


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A photo's pixels and what has to travel with them.

    `rgb` (H, W, 3) uint8, upright; `alpha` (H, W) uint8 or None; `icc` the RGB profile of `rgb`, None for sRGB;
    `exif` without thumbnail and with orientation 1; `format` Pillow's name of the source's format; `name` what
    messages call it; `notes` one phrase per lossy conversion; `mark` that of an earlier edit, if any; `digest` the
    source file's SHA-256, hexadecimal; `history` that file's bytes where it had a C2PA manifest.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    format: str = "PNG"
    name: str = "photo"
    notes: tuple[str, ...] = ()
    mark: EditMark | None = None
    digest: str = ""
    history: bytes | None = dataclasses.field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """What kind of file it is written as where nobody says: as it came, else PNG."""
        return self.format if self.format in SUFFIXES.values() else "PNG"

    def with_rgb(self, rgb: Pixels) -> "Photo":
        """The same photo with other pixels (H, W, 3) uint8; raises `ValueError` where size or type differ."""
        if rgb.shape != self.rgb.shape or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8 pixels of shape {self.rgb.shape}, got {rgb.dtype} of {rgb.shape}")
        return dataclasses.replace(self, rgb=rgb)


def read_photo(source: Source, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo from a path, from a file's bytes, or from a binary stream, whatever its colour mode.

    CMYK, Lab, grey and palette images become RGB, deep ones 8-bit; of several frames the first is taken; `notes`
    tells what was lost. Broken profiles and EXIF are dropped. Raises `PhotoError` where there is no photo to be
    had: no such file, a folder, empty, truncated, not an image, under 16 pixels a side, or over `max_pixels`
    (decided from the header, before any decoding; Pillow's own limit of 178 million holds above it).
    """
    name = _name(source)
    notes: list[str] = []
    with quiet(), _stream(source, name) as stream:  # Pillow's warnings become errors and notes here
        image = _open(stream, name)
        _check_size(image, name, max_pixels)
        if ";16" in repr(image.tile) and not image.mode.startswith("I"):
            notes.append("16-bit reduced to 8-bit")
        with damage_explained(name):
            image.load()
            upright, block = _upright(image, notes)
            plain, alpha = flat(upright, notes)
            rgb, icc = to_rgb(plain, upright.info.get("icc_profile"), notes)
        mark = unpack(image.info.get("xmp"))
        frames = _frame_count(image)  # last: counting moves on from the first frame
        if frames > 1:
            notes.append(f"first of {frames} frames")
        digest, history = _origin(stream)
        return Photo(np.array(rgb), alpha, icc, block, image.format or "", name, tuple(notes), mark, digest, history)


def encode_photo(
    photo: Photo, kind: str, mark: EditMark | None = None, *, quality: int = 95, provenance: bool = True
) -> bytes:
    """A photo as the bytes of a file of one `kind` (the values of `SUFFIXES`), with its provenance.

    Profile, EXIF and alpha are kept, XMP of other programs is not; JPEG has no alpha and holds the pixels under it.
    PNG and TIFF keep every pixel; `quality` (1 to 100) is that of JPEG (full-resolution chroma) and WebP.
    Provenance: `mark`, or else the mark that the photo carries, is written as an XMP packet with IPTC's digital source
    type for pictures edited by a trained model, into the pixels of the faces that it names, and, where C2PA's library
    is installed, as a signed manifest (`credentials`). `provenance=False` writes none of it.
    Raises `PhotoError` where the kind is unknown or cannot hold the photo, `FacereliefError` where the user's
    certificate cannot be used.
    """
    if kind not in SUFFIXES.values():
        kinds = ", ".join(dict.fromkeys(SUFFIXES.values()))
        raise PhotoError(f"cannot save {photo.name}: unknown format {kind!r}; choose from {kinds}")
    if kind == "JPEG" and max(photo.rgb.shape) > _JPEG_SIDE:
        raise PhotoError(f"cannot save {photo.name}: JPEG holds at most {_JPEG_SIDE} pixels a side; save it as .png")
    mark = (mark or photo.mark) if provenance else None
    rgb = imprint(photo.rgb, mark.faces) if mark else photo.rgb
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if photo.alpha is not None and kind != "JPEG":
        image.putalpha(Image.fromarray(np.ascontiguousarray(photo.alpha)))
    stream = io.BytesIO()
    with quiet():
        try:
            image.save(stream, kind, **_options(photo, kind, mark, quality))
        except ValueError as reason:
            raise PhotoError(f"cannot save {photo.name} as {kind} ({_line(reason)}); save it as .png") from reason
    data = stream.getvalue()
    return sign(data, kind, mark, photo.digest, photo.history) if mark else data


def save_photo(
    photo: Photo, path: Path | str, mark: EditMark | None = None, *, quality: int = 95, provenance: bool = True
) -> None:
    """Write a photo, whole or not at all, as `encode_photo` encodes it, in the format that the suffix names.

    Raises as `encode_photo`, and `FacereliefError` where the place cannot be written.
    """
    path = Path(path)
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise PhotoError(f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(SUFFIXES)}")
    data = encode_photo(photo, kind, mark, quality=quality, provenance=provenance)
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def _origin(stream: BinaryIO) -> tuple[str, bytes | None]:
    """A file's SHA-256, and its bytes where it seems to have a C2PA manifest."""
    stream.seek(0)
    data = stream.read()
    return hashlib.sha256(data).hexdigest(), data if b"jumdc2pa" in data else None


def read_mark(source: Source) -> EditMark | None:
    """The mark that `save_photo` left in a file, or None; raises `PhotoError` where the file is no image."""
    name = _name(source)
    with quiet(), _stream(source, name) as stream:
        return unpack(_open(stream, name).info.get("xmp"))


def _name(source: Source) -> str:
    if isinstance(source, Path | str):
        return str(source)
    return "photo" if isinstance(source, bytes) else str(getattr(source, "name", "photo"))


@contextlib.contextmanager
def _stream(source: Source, name: str) -> Iterator[BinaryIO]:
    """The source as a binary stream that can be rewound; closed afterwards where it was opened here."""
    if not isinstance(source, Path | str):
        yield io.BytesIO(source if isinstance(source, bytes) else source.read())
        return
    try:
        stream = open_file(source)
    except FileNotFoundError as reason:
        raise PhotoError(f"{name} does not exist; check the name") from reason
    except IsADirectoryError as reason:
        raise PhotoError(f"{name} is a folder; name a photo in it") from reason
    except PermissionError as reason:
        raise PhotoError(f"{name} may not be read; change its permissions") from reason
    except (OSError, ValueError) as reason:
        raise PhotoError(f"{name} cannot be opened ({_why(reason)}); check the name") from reason
    with stream:
        yield stream


def _open(stream: BinaryIO, name: str) -> ImageFile.ImageFile:
    """The image with its header read and its pixels still packed."""
    Image.init()
    try:
        return Image.open(stream, formats=[kind for kind in _READABLE if kind in Image.OPEN])
    except Image.DecompressionBombError as reason:
        raise PhotoError(f"{name} has too many pixels (decompression bomb?); shrink it") from reason
    except UnidentifiedImageError as reason:
        raise PhotoError(f"{name} {_why_not_an_image(stream)}") from reason
    except _DAMAGE as reason:
        raise PhotoError(_damaged(name, reason)) from reason


def _why_not_an_image(stream: BinaryIO) -> str:
    stream.seek(0)
    head = stream.read(12)
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
def damage_explained(name: str) -> Iterator[None]:
    """Turn damage found while decoding into `PhotoError`."""
    try:
        yield
    except MemoryError as reason:
        raise PhotoError(f"{name} does not fit into memory; shrink it") from reason
    except _DAMAGE as reason:
        raise PhotoError(_damaged(name, reason)) from reason


def _damaged(name: str, reason: BaseException) -> str:
    said = " ".join(str(reason).split())  # some of Pillow's decoders fail without a word
    return f"{name} is truncated or damaged{f' ({said})' if said else ''}; copy or download it again"


def _why(reason: BaseException) -> str:
    return getattr(reason, "strerror", None) or _line(reason)


def _line(reason: BaseException) -> str:
    return " ".join(str(reason).split()) or type(reason).__name__


def _upright(image: Image.Image, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """The image as it is to be seen, and its EXIF block made to fit."""
    upright, block = image, None
    try:
        orientation = image.getexif().get(exif.ORIENTATION)
        if orientation in _UPRIGHT:
            upright = image.transpose(_UPRIGHT[orientation])
        block = exif.take(image)
    except exif.DAMAGE:
        notes.append("damaged EXIF dropped")
    return upright, block


def _frame_count(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except _DAMAGE:  # in a later frame, which is not wanted
        return 1


def _options(photo: Photo, kind: str, mark: EditMark | None, quality: int) -> dict[str, Any]:
    """What Pillow's writer of this format is to be told."""
    options: dict[str, Any] = {"icc_profile": photo.icc, "exif": photo.exif, "xmp": pack(mark) if mark else None}
    if kind == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    if kind == "WEBP":
        options |= {"quality": quality, "exact": True}  # exact: also where alpha is 0
    if kind == "PNG" and mark:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
    if kind == "TIFF":
        options["exif"] = exif.as_tiff_tags(photo.exif, options.pop("xmp"))
    return {name: value for name, value in options.items() if value is not None}
