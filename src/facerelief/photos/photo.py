"""Photos from files and to files, with what has to travel with their pixels."""

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from facerelief.errors import MissingExtra, PhotoError
from facerelief.files import atomic, open_file
from facerelief.photos import exif
from facerelief.photos.color_modes import Pixels
from facerelief.photos.decoding import MIN_SIDE, damage_explained, decode
from facerelief.photos.isolated_decoding import SECONDS, decode_apart
from facerelief.photos.provenance.content_credentials import can_follow, can_sign, sign
from facerelief.photos.provenance.file_kinds import has_manifest
from facerelief.photos.provenance.watermark import imprint_image
from facerelief.photos.provenance.xmp import EditMark, pack
from facerelief.photos.structure import is_plain
from facerelief.quiet import quiet

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MIN_SIDE", "SUFFIXES", "Photo", "damage_explained", "encode_photo", "read_mark",
           "read_photo", "save_photo"]  # fmt: skip

Source = Path | str | bytes | BinaryIO

MAX_PIXELS = 100_000_000
MAX_BYTES = 500_000_000
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_JPEG_SIDE = 65500
_LOST = "its C2PA manifest is damaged, or too much work to read, and an edit does not carry it on"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
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
    history: bytes | None = None

    def __repr__(self) -> str:
        return f"Photo({self.name!r}, {self.rgb.shape[1]}x{self.rgb.shape[0]})"

    @property
    def kind(self) -> str:
        """What kind of file it is written as where nobody says: as it came, else PNG."""
        return self.format if self.format in SUFFIXES.values() else "PNG"

    def with_rgb(self, rgb: Pixels) -> "Photo":
        """The same photo with other pixels (H, W, 3) uint8; raises `ValueError` where size or type differ."""
        if rgb.shape != self.rgb.shape or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8 pixels of shape {self.rgb.shape}, got {rgb.dtype} of {rgb.shape}")
        return dataclasses.replace(self, rgb=rgb)


def read_photo(source: Source, *, max_pixels: int = MAX_PIXELS, seconds: float = SECONDS) -> Photo:
    """Read a photo from a path, from a file's bytes, or from a binary stream, whatever its colour mode.

    CMYK, Lab, grey and palette images become RGB, deep ones 8-bit; of several frames the first is taken; `notes`
    tells what was lost. Broken profiles and EXIF are dropped.

    The work is bounded. JPEG, PNG, WebP and plain BMP and PPM are decoded here, in time that goes by their pixels and
    bytes (`structure`); others by a process of its own (`apart`), which ends after `seconds` at the latest. A C2PA
    manifest is looked at by another such process, with a second or two of the processor (`credentials`).

    Raises `PhotoError` where there is no photo to be had: no such file, a folder or another thing that is no file,
    empty, truncated, not an image, under 16 pixels a side, of more than `MAX_BYTES`, over `max_pixels` (decided from
    the header, before any decoding; Pillow's own limit of 178 million holds above it), or of too much work.
    """
    name = _name(source)
    data = _content(source, name)
    apart = not is_plain(data, name)
    found = decode_apart(data, name, max_pixels, seconds) if apart else decode(data, name, max_pixels)
    history, lost = _history(data, seconds)
    facts = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    facts["notes"] = (*found.notes, *lost)
    return Photo(**facts, name=name, digest=hashlib.sha256(data).hexdigest(), history=history)


def encode_photo(
    photo: Photo, kind: str, mark: EditMark | None = None, *, quality: int = 95, provenance: bool = True
) -> bytes:
    """A photo as the bytes of a file of one `kind` (the values of `SUFFIXES`), with its provenance.

    Profile, EXIF and alpha are kept, XMP of other programs is not; JPEG has no alpha and holds the pixels under it.
    PNG and TIFF keep every pixel; `quality` (1 to 100) is that of JPEG (full-resolution chroma) and WebP.
    Provenance: `mark`, or else the mark that the photo carries, is written as an XMP packet with IPTC's digital source
    type for pictures edited by a trained model, into the pixels of the faces that it names, and, where C2PA's library
    is installed, as a signed manifest (`credentials`), which carries on the source's; the latter also without a mark.
    `provenance=False` writes none of it.
    Raises `PhotoError` where the kind is unknown or cannot hold the photo, `FacereliefError` where the user's
    certificate cannot be used.
    """
    if kind not in SUFFIXES.values():
        kinds = ", ".join(dict.fromkeys(SUFFIXES.values()))
        raise PhotoError(f"cannot save {photo.name}: unknown format {kind!r}; choose from {kinds}")
    if kind == "JPEG" and max(photo.rgb.shape) > _JPEG_SIDE:
        raise PhotoError(f"cannot save {photo.name}: JPEG holds at most {_JPEG_SIDE} pixels a side; save it as .png")
    mark = (mark or photo.mark) if provenance else None
    image = Image.fromarray(np.ascontiguousarray(photo.rgb))
    imprint_image(image, mark.faces if mark else ())
    if photo.alpha is not None and kind != "JPEG":
        image.putalpha(Image.fromarray(np.ascontiguousarray(photo.alpha)))
    stream = io.BytesIO()
    with quiet():
        try:
            image.save(stream, kind, **_options(photo, kind, mark, quality))
        except ValueError as reason:
            raise PhotoError(f"cannot save {photo.name} as {kind} ({_line(reason)}); save it as .png") from reason
    data = stream.getvalue()
    history = photo.history if provenance else None
    return sign(data, kind, mark, photo.digest, history) if mark or history else data


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


def _history(data: bytes, seconds: float) -> tuple[bytes | None, tuple[str, ...]]:
    """A file's bytes where it has a C2PA manifest that an edit can carry on, and a note where it cannot."""
    if not has_manifest(data):
        return None, ()
    if not can_sign():
        return data, (f"an edit loses its C2PA manifest: {MissingExtra('c2pa-python', 'provenance')}",)
    return data, () if can_follow(data, seconds) else (_LOST,)


def read_mark(source: Source) -> EditMark | None:
    """The mark that `save_photo` left in a file, or None; raises as `read_photo`."""
    return read_photo(source).mark


def _name(source: Source) -> str:
    if isinstance(source, Path | str):
        return str(source)
    return "photo" if isinstance(source, bytes) else str(getattr(source, "name", "photo"))


def _content(source: Source, name: str) -> bytes:
    """A file's bytes. Raises `PhotoError` where they cannot be had, or are too many."""
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, Path | str):
        data = _file_content(source, name)
    else:
        data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PhotoError(f"{name} is larger than {MAX_BYTES // 1_000_000} MB; shrink it")
    return data


def _file_content(source: Path | str, name: str) -> bytes:
    try:
        with open_file(source) as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as reason:
        raise PhotoError(f"{name} does not exist; check the name") from reason
    except IsADirectoryError as reason:
        raise PhotoError(f"{name} is a folder; name a photo in it") from reason
    except PermissionError as reason:
        raise PhotoError(f"{name} may not be read; change its permissions") from reason
    except (OSError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or _line(reason)
        raise PhotoError(f"{name} cannot be opened ({said}); check the name") from reason


def _line(reason: BaseException) -> str:
    return " ".join(str(reason).split()) or type(reason).__name__


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
