"""Image files become pixels here and go back: nothing else knows about formats, colour profiles and orientation."""

import contextlib
import dataclasses
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, PngImagePlugin, UnidentifiedImageError

from facerelief.errors import PhotoError
from facerelief.faces import exif
from facerelief.faces.mark import EditMark, pack, unpack
from facerelief.files import atomic

Pixels = NDArray[np.uint8]
Source = Path | str | bytes | BinaryIO

MAX_PIXELS = 100_000_000
MIN_SIDE = 16
SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}

# Pillow opens further formats that start other programs or hold no photos (EPS, WMF, ...): those stay shut.
_READABLE = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
_DAMAGE = (*exif.DAMAGE, EOFError, RuntimeError)  # what Pillow's decoders raise on damaged files

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
# Pillow mode: the colour space of ICC profiles that describe it, where that is not RGB.
_OWN_SPACE = {"L": "GRAY", "CMYK": "CMYK"}

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else its remarks on damaged files reach the terminal


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A photo's pixels and what has to travel with them.

    `rgb` (H, W, 3) uint8, upright; `alpha` (H, W) uint8 or None; `icc` the RGB profile of `rgb`, None for sRGB;
    `exif` without thumbnail and with orientation 1; `format` Pillow's name of the source's format; `name` what
    messages call it; `notes` one phrase per lossy conversion; `mark` that of an earlier edit, if any.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    format: str = "PNG"
    name: str = "photo"
    notes: tuple[str, ...] = ()
    mark: EditMark | None = None

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
    with warnings.catch_warnings(), _stream(source, name) as stream:
        warnings.simplefilter("ignore")  # Pillow's warnings become errors and notes here
        image = _open(stream, name)
        _check_size(image, name, max_pixels)
        if ";16" in repr(image.tile) and not image.mode.startswith("I"):
            notes.append("16-bit reduced to 8-bit")
        with _damage_explained(name):
            image.load()
            upright, block = _upright(image, notes)
            flat, alpha = _flat(upright, notes)
            rgb, icc = _to_rgb(flat, upright.info.get("icc_profile"), notes)
        mark = unpack(image.info.get("xmp"))
        frames = _frame_count(image)  # last: counting moves on from the first frame
        if frames > 1:
            notes.append(f"first of {frames} frames")
        return Photo(np.array(rgb), alpha, icc, block, image.format or "", name, tuple(notes), mark)


def save_photo(photo: Photo, path: Path | str, mark: EditMark | None = None, *, quality: int = 95) -> None:
    """Write a photo, whole or not at all, in the format that the suffix names (`SUFFIXES`).

    Profile, EXIF and alpha are kept, XMP of other programs is not; JPEG has no alpha and holds the pixels under it.
    PNG and TIFF keep every pixel; `quality` (1 to 100) is that of JPEG (full-resolution chroma) and WebP. `mark`, or
    else the mark that the photo carries, is written as an XMP packet with IPTC's digital source type for pictures
    edited by a trained model. Raises `PhotoError` where the suffix is unknown or the format cannot hold the photo,
    and `FacereliefError` where the place cannot be written.
    """
    path = Path(path)
    kind = SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise PhotoError(f"cannot save {path}: unknown suffix {path.suffix!r}; choose from {', '.join(SUFFIXES)}")
    if kind == "JPEG" and max(photo.rgb.shape) > _JPEG_SIDE:
        raise PhotoError(f"cannot save {path}: JPEG holds at most {_JPEG_SIDE} pixels a side; save it as .png")
    image = Image.fromarray(np.ascontiguousarray(photo.rgb))
    if photo.alpha is not None and kind != "JPEG":
        image.putalpha(Image.fromarray(np.ascontiguousarray(photo.alpha)))
    with warnings.catch_warnings(), atomic(path) as temporary:
        warnings.simplefilter("ignore")
        try:
            image.save(temporary, kind, **_options(photo, kind, mark or photo.mark, quality))
        except ValueError as reason:
            raise PhotoError(f"cannot save {path} as {kind} ({_line(reason)}); save it as .png") from reason


def read_mark(source: Source) -> EditMark | None:
    """The mark that `save_photo` left in a file, or None; raises `PhotoError` where the file is no image."""
    name = _name(source)
    with warnings.catch_warnings(), _stream(source, name) as stream:
        warnings.simplefilter("ignore")
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
    path = Path(source)
    try:
        stream = path.open("rb")
    except FileNotFoundError as reason:
        raise PhotoError(f"{name} does not exist; check the name") from reason
    except IsADirectoryError as reason:
        raise PhotoError(f"{name} is a folder; name a photo in it") from reason
    except PermissionError as reason:
        raise PhotoError(f"{name} may not be read; change its permissions") from reason
    except (OSError, ValueError) as reason:
        raise PhotoError(f"{name} cannot be opened ({_line(reason)}); check the name") from reason
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
def _damage_explained(name: str) -> Iterator[None]:
    """Turn damage found while decoding into `PhotoError`."""
    try:
        yield
    except MemoryError as reason:
        raise PhotoError(f"{name} does not fit into memory; shrink it") from reason
    except _DAMAGE as reason:
        raise PhotoError(_damaged(name, reason)) from reason


def _damaged(name: str, reason: BaseException) -> str:
    return f"{name} is truncated or damaged ({_line(reason)}); copy or download it again"


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


def _flat(image: Image.Image, notes: list[str]) -> tuple[Image.Image, Pixels | None]:
    """The image in 8 bits and without alpha, in grey (L) where it is grey, and its alpha (H, W)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        notes.append(f"{32 if image.mode == 'F' else 16}-bit reduced to 8-bit")
        return _eight_bit(image), None
    alpha = np.array(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    return (image.convert("L") if image.mode in ("1", "LA", "La") else image), alpha


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep grey as L, scaled and never clipped.

    16-bit modes span 0 to 65535. I and F do not tell their range: the smallest of 0 to 1 (F only), 255 and 65535
    that holds all values, else from their minimum (or 0) to their maximum.
    """
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    values = np.where(np.isfinite(values), values, 0).astype(np.float64)
    low, high = min(values.min(), 0.0), values.max()
    tops = [top for top in ((1, 255, 65535) if image.mode == "F" else (255, 65535)) if low == 0 and high <= top]
    span = tops[0] if tops else high - low
    return Image.fromarray(np.rint((values - low) * (255 / span)).astype(np.uint8))


def _to_rgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """The image in RGB and the profile that describes it; grey and CMYK profiles are applied, which gives sRGB."""
    profile = _profile(icc, notes)
    space = profile.profile.xcolor_space.strip() if profile else ""
    if profile and space == _OWN_SPACE.get(image.mode):
        with contextlib.suppress(ImageCms.PyCMSError):
            flags = ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.HIGHRESPRECALC  # exact darks
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB", flags=flags)
            if converted is not None:
                notes.append(f"{space} converted to sRGB")
                return converted, None
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"{image.mode} converted to sRGB without a profile")
        return image.convert("RGB"), None
    if profile and space != "RGB":
        notes.append(f"{space} colour profile dropped")
    return image.convert("RGB"), icc if space == "RGB" else None


def _profile(icc: bytes | None, notes: list[str]) -> ImageCms.ImageCmsProfile | None:
    if not icc:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError):
        notes.append("damaged colour profile dropped")
        return None


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
