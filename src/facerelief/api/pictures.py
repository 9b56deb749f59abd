"""Converts PIL images, arrays, paths and bytes to photos, and back."""

import os
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from PIL import Image

from facerelief.array_types import RGB
from facerelief.editing.jobs.fetch import is_url
from facerelief.errors import FacereliefError, PhotoError, shown
from facerelief.photos.color_modes import to_8bit, to_rgb
from facerelief.photos.decoding import MIN_SIDE, apply_orientation, decoding_errors
from facerelief.photos.photo import Photo, read_photo

Picture: TypeAlias = Image.Image | str | os.PathLike[str] | bytes | IO[bytes]


def photo_of(image: Picture | np.ndarray) -> Photo:
    """Read a picture and turn it upright.

    Args:
        image: A PIL image, an array (H, W, 3) uint8 in RGB, a path, a file's bytes, or a binary file that is open.

    Raises:
        PhotoError: It is none of these; the message says how to convert it.

    Example:
        >>> photo_of(np.zeros((64, 48, 3), dtype=np.uint8)).rgb.shape
        (64, 48, 3)
    """
    if isinstance(image, np.ndarray):
        return Photo(_checked(np.asarray(image)).copy(), name="the array")  # the caller's may change later
    if isinstance(image, Image.Image):
        return _of_image(image)
    if isinstance(image, bytes):
        return read_photo(image)
    if isinstance(image, str | os.PathLike):
        if isinstance(image, str) and is_url(image):
            raise PhotoError(f"{image} is an address, which the command line fetches; download it and give the file")
        return read_photo(file_path(image, "photo", PhotoError))
    if callable(getattr(image, "read", None)):
        return _of_stream(image)
    raise PhotoError(f"a {type(image).__name__} is no picture; {_instead(image)}")


def _of_stream(stream: IO[bytes]) -> Photo:
    """Read an open file from where it stands. Raises `PhotoError` for one that is not binary or is at its end."""
    try:
        data = stream.read()
    except (OSError, ValueError) as reason:
        raise PhotoError(f"{shown(stream)} cannot be read ({reason}); open it again, as open(path, 'rb')") from reason
    if not isinstance(data, bytes):
        raise PhotoError(f"{shown(stream)} is no binary file; open it as open(path, 'rb')")
    if not data:
        raise PhotoError(f"{shown(stream)} has no bytes left to read; seek(0) first")
    return read_photo(data)


def image_of(photo: Photo) -> Image.Image:
    """Convert a photo to a PIL image, RGB or RGBA, with its colour profile."""
    image = Image.fromarray(photo.rgb)
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    if photo.icc:
        image.info["icc_profile"] = photo.icc
    return image


def file_path(path: str | os.PathLike[str], what: str, error: type[FacereliefError] = FacereliefError) -> Path:
    """Check a path. Raises `error` for what is none, and for an empty one, which would mean the working directory."""
    try:
        name = os.fspath(path)
    except TypeError:
        name = None
    if not isinstance(name, str) or not name:
        raise error(f"{shown(path)} is no path of a {what}; give a str or a pathlib.Path")
    if "\0" in name or not _can_be_encoded(name):
        raise error(f"{shown(path)} is no path of a {what}, since no file can have that name; give another")
    return Path(name)


def _can_be_encoded(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def _instead(image: object) -> str:
    if hasattr(image, "detach"):  # a tensor of torch
        return "give tensor.detach().cpu().numpy(), as (H, W, 3) of uint8: permute(1, 2, 0) first where channels lead"
    if isinstance(image, bytearray | memoryview):
        return "give bytes(...) of it"
    if isinstance(image, list | tuple):
        return "give one picture; edit_all takes several"
    return "give a path, bytes, an array or a PIL image"


def _checked(rgb: np.ndarray) -> RGB:
    remedy = _conversion(rgb)
    if remedy:
        raise PhotoError(
            f"an array {rgb.shape} of {rgb.dtype} is no picture; give one (H, W, 3) of uint8, in RGB: {remedy}"
        )
    if min(rgb.shape[:2]) < MIN_SIDE:
        raise PhotoError(f"an array {rgb.shape} is too small; give a picture of at least {MIN_SIDE} pixels a side")
    return rgb


def _conversion(array: np.ndarray) -> str | None:
    """The code that converts an array `a` to a picture; None if it is one."""
    if array.ndim == 4:
        return "edit_all takes several, or give a[0]"
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 1):
        return "np.dstack([a, a, a]) of grey"
    if array.ndim != 3:
        return "its shape is another"
    if array.shape[2] != 3 and array.shape[0] in (1, 3, 4):
        return "np.moveaxis(a, 0, 2), channels last"
    if array.shape[2] == 4:
        return "a[..., :3], or PIL's Image.fromarray(a), which keeps alpha"
    if array.shape[2] != 3:
        return "its channels are others"
    if array.dtype.kind == "f":
        return "(255 * a).round().astype(np.uint8) of [0, 1]"
    if array.dtype == np.uint16:
        return "(a / 257).round().astype(np.uint8) of 16 bits"
    return None if array.dtype == np.uint8 else "a.astype(np.uint8) of 0 to 255"


def _of_image(image: Image.Image) -> Photo:
    """Read a PIL image and turn it upright."""
    notes: list[str] = []
    with decoding_errors("the image"):  # PIL reads an opened file only now
        image.load()
        upright, exif = apply_orientation(image, notes)
        plain, alpha = to_8bit(upright, notes)
        rgb, icc = to_rgb(plain, upright.info.get("icc_profile"), notes)
    return Photo(_checked(np.array(rgb)), alpha, icc, exif, name="the image", notes=tuple(notes))
