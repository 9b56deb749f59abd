"""Conversion of all colour modes to 8-bit RGB."""

import contextlib
import io

import numpy as np
from PIL import Image, ImageCms

from facerelief.array_types import RGB, UInt8

# By Pillow's mode: the colour space of its ICC profiles, if not RGB.
_OWN_SPACE = {"L": "GRAY", "CMYK": "CMYK"}


def to_8bit(image: Image.Image, notes: list[str]) -> tuple[Image.Image, UInt8 | None]:
    """The image with 8 bits and without alpha, grey as mode L; and its alpha (H, W)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        notes.append(f"{32 if image.mode == 'F' else 16}-bit reduced to 8-bit")
        return _eight_bit(image), None
    alpha = np.array(image.convert("RGBA").getchannel("A")) if image.has_transparency_data else None
    return (image.convert("L") if image.mode in ("1", "LA", "La") else image), alpha


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep grey as mode L, scaled without clipping.

    16-bit modes range from 0 to 65535. The range of I and F is unknown: the smallest of 1 (F only), 255 and 65535 that
    holds all values, else from their minimum (or 0) to their maximum.
    """
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    values = np.where(np.isfinite(values), values, 0).astype(np.float64)
    low, high = min(values.min(), 0.0), values.max()
    tops = [top for top in ((1, 255, 65535) if image.mode == "F" else (255, 65535)) if low == 0 and high <= top]
    span = tops[0] if tops else high - low
    return Image.fromarray(np.rint((values - low) * (255 / span)).astype(np.uint8))


def to_rgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """The image in RGB and its profile. Grey and CMYK profiles are applied, which gives sRGB."""
    profile = _profile(icc, notes)
    space = _space(icc) if profile and icc else ""
    if profile and space == _OWN_SPACE.get(image.mode) and b"mpet" not in (icc or b""):  # whose cost is unbounded
        with contextlib.suppress(ImageCms.PyCMSError):
            flags = (
                ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.HIGHRESPRECALC
            )  # exact dark values
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
    return image if image.mode == "RGB" else image.convert("RGB"), icc if space == "RGB" else None


def to_srgb(rgb: RGB, icc: bytes | None) -> RGB:
    """Pixels (H, W, 3) of an RGB profile in sRGB, for formats that hold no profile; unchanged without one."""
    profile = _profile(icc, [])
    if profile is None or b"mpet" in (icc or b""):  # whose cost is unbounded
        return rgb
    with contextlib.suppress(ImageCms.PyCMSError):
        converted = ImageCms.profileToProfile(Image.fromarray(rgb), profile, ImageCms.createProfile("sRGB"))
        if converted is not None:
            return np.asarray(converted)
    return rgb


def _space(icc: bytes) -> str:
    """A profile's colour space, reduced to letters and digits."""
    return "".join(filter(str.isalnum, icc[16:20].decode("ascii", "replace").replace("\ufffd", "?")))


def _profile(icc: bytes | None, notes: list[str]) -> ImageCms.ImageCmsProfile | None:
    if not icc:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError):
        notes.append("damaged colour profile dropped")
        return None
