"""Reading and writing photos, with the metadata that belongs to their pixels."""

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin

from facerelief.array_types import RGB, UInt8
from facerelief.errors import MissingExtra, PhotoError, one_line
from facerelief.files import atomic, open_file
from facerelief.photos import exif
from facerelief.photos.decoding import decode
from facerelief.photos.isolated_decoding import DECODE_SECONDS, decode_isolated
from facerelief.photos.provenance.content_credentials import can_carry_history, can_sign, sign
from facerelief.photos.provenance.file_kinds import has_manifest
from facerelief.photos.provenance.watermark import embed_watermark
from facerelief.photos.provenance.xmp import EditMark, pack_xmp
from facerelief.photos.structure import is_cheap_to_decode, is_lossless_webp
from facerelief.quiet import quiet

PhotoSource = Path | str | bytes | BinaryIO

MAX_PIXELS = 100_000_000
MAX_PHOTO_BYTES = 500_000_000
SAVE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_JPEG_SIDE = 65500
_LOST = "its C2PA manifest is damaged, or too much work to read, and is lost in an edit"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Photo:
    """A photo's pixels and metadata.

    Args:
        rgb: (H, W, 3), upright.
        alpha: (H, W), or None.
        icc: The RGB colour profile; None for sRGB.
        exif: EXIF block without thumbnail and with orientation 1.
        format: Pillow's name of the source's format.
        name: What messages call the photo.
        notes: One phrase per lossy conversion.
        mark: The record of an earlier edit.
        digest: SHA-256 of the source file, hexadecimal.
        history: The source file's bytes if it has a C2PA manifest.
        lossless: Whether the source is a WebP without loss.

    Example:
        >>> photo = Photo(np.zeros((20, 30, 3), np.uint8), name="black")
        >>> photo
        Photo('black', 30x20)
    """

    rgb: RGB
    alpha: UInt8 | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    format: str = "PNG"
    name: str = "photo"
    notes: tuple[str, ...] = ()
    mark: EditMark | None = None
    digest: str = ""
    history: bytes | None = None
    lossless: bool = False

    def __repr__(self) -> str:
        return f"Photo({self.name!r}, {self.rgb.shape[1]}x{self.rgb.shape[0]})"

    @property
    def save_format(self) -> str:
        """The default format for writing: the source's if it can be written, else PNG."""
        return self.format if self.format in SAVE_FORMATS.values() else "PNG"

    def with_rgb(self, rgb: RGB) -> "Photo":
        """The same photo with other pixels (H, W, 3). Raises `ValueError` if size or type differ."""
        if rgb.shape != self.rgb.shape or rgb.dtype != np.uint8:
            raise ValueError(f"expected uint8 pixels of shape {self.rgb.shape}, got {rgb.dtype} of {rgb.shape}")
        return dataclasses.replace(self, rgb=rgb)


def read_photo(source: PhotoSource, *, max_pixels: int = MAX_PIXELS, seconds: float = DECODE_SECONDS) -> Photo:
    """Read a photo in any colour mode as 8-bit RGB.

    Of several frames the first is read. Broken profiles and EXIF are dropped. Common formats are decoded in this
    process, in time proportional to their size (`structure`); others in a process of their own that can be ended
    (`isolated_decoding`), and so are C2PA manifests.

    Args:
        source: A path, a file's bytes, or a binary stream.
        max_pixels: Larger photos are refused by their header, before decoding.
        seconds: After which an isolated process is ended.

    Raises:
        PhotoError: The file is missing, not a file, empty, truncated, not an image, larger than `MAX_PHOTO_BYTES`,
            under 16 pixels a side, over `max_pixels`, or takes too long to decode.

    Example:
        >>> data = encode_photo(Photo(np.zeros((20, 30, 3), np.uint8)), "PNG")
        >>> read_photo(data).rgb.shape
        (20, 30, 3)
    """
    name = _name(source)
    data = _content(source, name)
    apart = not is_cheap_to_decode(data, name)
    found = decode_isolated(data, name, max_pixels, seconds) if apart else decode(data, name, max_pixels)
    history, lost = _history(data, seconds)
    facts = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    facts |= {"notes": (*found.notes, *lost), "lossless": is_lossless_webp(data)}
    return Photo(**facts, name=name, digest=hashlib.sha256(data).hexdigest(), history=history)


def encode_photo(
    photo: Photo, format: str, mark: EditMark | None = None, *, quality: int = 95, provenance: bool = True
) -> bytes:
    """Encode a photo with profile, EXIF, alpha (not in JPEG) and provenance.

    Provenance is an XMP packet with IPTC's digital source type, a watermark in the edited faces, and a signed C2PA
    manifest if C2PA's library is installed. A manifest of the source is carried on, also without a mark.

    Args:
        photo: The photo.
        format: One of the values of `SAVE_FORMATS`.
        mark: The record of the edit. None: the one that the photo has.
        quality: 1 to 100, of JPEG (full chroma resolution) and WebP; PNG and TIFF are lossless.
        provenance: False: write none.

    Returns:
        The file's bytes.

    Raises:
        PhotoError: The format is unknown or cannot hold the photo.
        FacereliefError: The user's certificate cannot be used.
    """
    if format not in SAVE_FORMATS.values():
        kinds = ", ".join(dict.fromkeys(SAVE_FORMATS.values()))
        raise PhotoError(f"cannot save {photo.name}: unknown format {format!r}; choose from {kinds}")
    if format == "JPEG" and max(photo.rgb.shape) > _JPEG_SIDE:
        raise PhotoError(f"cannot save {photo.name}: JPEG holds at most {_JPEG_SIDE} pixels a side; save it as .png")
    mark = (mark or photo.mark) if provenance else None
    image = Image.fromarray(np.ascontiguousarray(photo.rgb))
    embed_watermark(image, mark.faces if mark else ())
    if photo.alpha is not None and format != "JPEG":
        image.putalpha(Image.fromarray(np.ascontiguousarray(photo.alpha)))
    stream = io.BytesIO()
    with quiet():
        try:
            image.save(stream, format, **_options(photo, format, mark, quality))
        except ValueError as reason:
            raise PhotoError(f"cannot save {photo.name} as {format} ({one_line(reason)}); save it as .png") from reason
    data = stream.getvalue()
    history = photo.history if provenance else None
    return sign(data, format, mark, photo.digest, history) if mark or history else data


def save_photo(
    photo: Photo, path: Path | str, mark: EditMark | None = None, *, quality: int = 95, provenance: bool = True
) -> None:
    """Write a photo, whole or not at all.

    Args:
        photo: The photo.
        path: The file; its suffix, one of `SAVE_FORMATS`, gives the format.
        mark: The record of the edit. None: the one that the photo has.
        quality: 1 to 100, of JPEG and WebP.
        provenance: False: write none.

    Raises:
        PhotoError: The suffix is unknown, or the format cannot hold the photo.
        FacereliefError: The file cannot be written, or the user's certificate cannot be used.
    """
    path = Path(path)
    format = SAVE_FORMATS.get(path.suffix.lower())
    if format is None:
        raise PhotoError(f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(SAVE_FORMATS)}")
    data = encode_photo(photo, format, mark, quality=quality, provenance=provenance)
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def _history(data: bytes, seconds: float) -> tuple[bytes | None, tuple[str, ...]]:
    """The file's bytes if it has a C2PA manifest, and a note if an edit cannot carry that on."""
    if not has_manifest(data):
        return None, ()
    if not can_sign():
        return data, (f"an edit loses its C2PA manifest: {MissingExtra('c2pa-python', 'provenance')}",)
    return data, () if can_carry_history(data, seconds) else (_LOST,)


def read_mark(source: PhotoSource) -> EditMark | None:
    """The record of an edit in a photo's XMP packet or GIF comment.

    Args:
        source: A path, a file's bytes, or a binary stream.

    Returns:
        The record, or None if there is none. `provenance.verify.find_provenance` reads C2PA manifests and watermarks
        too.

    Raises:
        PhotoError: As `read_photo`.
    """
    return read_photo(source).mark


def _name(source: PhotoSource) -> str:
    if isinstance(source, Path | str):
        return str(source)
    return "photo" if isinstance(source, bytes) else str(getattr(source, "name", "photo"))


def _content(source: PhotoSource, name: str) -> bytes:
    """A file's bytes. Raises `PhotoError` if they cannot be read, or are too many."""
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, Path | str):
        data = _file_content(source, name)
    else:
        data = source.read(MAX_PHOTO_BYTES + 1)
    if len(data) > MAX_PHOTO_BYTES:
        raise PhotoError(f"{name} is larger than {MAX_PHOTO_BYTES // 1_000_000} MB; shrink it")
    return data


def _file_content(source: Path | str, name: str) -> bytes:
    try:
        with open_file(source) as stream:
            return stream.read(MAX_PHOTO_BYTES + 1)
    except FileNotFoundError as reason:
        raise PhotoError(f"{name} does not exist; check the name") from reason
    except IsADirectoryError as reason:
        raise PhotoError(f"{name} is a folder; give a photo in it") from reason
    except PermissionError as reason:
        raise PhotoError(f"{name} may not be read; change its permissions") from reason
    except (OSError, ValueError) as reason:
        said = getattr(reason, "strerror", None) or one_line(reason)
        raise PhotoError(f"{name} cannot be opened ({said}); check the name") from reason


def _options(photo: Photo, format: str, mark: EditMark | None, quality: int) -> dict[str, Any]:
    """Options of Pillow's writer of the format."""
    options: dict[str, Any] = {"icc_profile": photo.icc, "exif": photo.exif, "xmp": pack_xmp(mark) if mark else None}
    if format == "JPEG":
        options |= {"quality": quality, "subsampling": "4:4:4"}
    if format == "WEBP":
        options |= {"quality": quality, "exact": True}  # exact: also where alpha is 0
    if format == "PNG" and mark:
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
    if format == "TIFF":
        options["exif"] = exif.to_tiff_tags(photo.exif, options.pop("xmp"))
    return {name: value for name, value in options.items() if value is not None}
