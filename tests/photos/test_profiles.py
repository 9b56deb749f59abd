"""Colour profiles as files may hold them: odd ones are dropped with a note, and never refuse the photo."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from facerelief.photos.photo import read_photo

RGB = np.random.default_rng(2).integers(0, 256, (40, 64, 3), dtype=np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_profile(profile: bytes, kind: str = "PNG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(RGB).convert(mode).save(stream, kind, icc_profile=profile)
    return stream.getvalue()


def test_what_a_profile_calls_itself_stays_on_one_line(tmp_path: Path) -> None:
    """Notes go into headers and terminals; a file may hold any four bytes there."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for space in (b"a\r\nb", b"\x1b[2J"):
        profile[16:20] = space
        Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "odd.png", icc_profile=bytes(profile))
        notes = read_photo(tmp_path / "odd.png").notes
        assert all(note.isprintable() for note in notes), notes


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_colour_space_that_is_no_text_is_dropped_with_a_note(kind: str) -> None:
    for space in (b"\xc4\xe9\xb2\xa0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"ab\xe9d"):
        photo = read_photo(with_profile(SRGB[:16] + space + SRGB[20:], kind))
        assert photo.icc is None and photo.rgb.shape == RGB.shape
        (note,) = photo.notes
        assert note.endswith("colour profile dropped") and note.isascii() and note.isprintable()


def test_any_byte_of_a_profile_may_be_wrong() -> None:
    for place in range(0, 160):
        for value in (0, 0xE9, 0xFF):
            photo = read_photo(with_profile(SRGB[:place] + bytes([value]) + SRGB[place + 1 :]))
            np.testing.assert_array_equal(photo.rgb, RGB)


def test_profiles_larger_than_any_are_dropped() -> None:
    photo = read_photo(with_profile(SRGB + np.random.default_rng(0).bytes(4_000_000), "TIFF"))
    assert photo.icc is None and photo.notes == ("profile of 4000 kB dropped",)


def test_profiles_that_may_hold_any_work_are_not_applied() -> None:
    """Elements of version 4.3 are done one after another for each pixel, and a profile may have any number."""
    grey = SRGB[:16] + b"GRAY" + SRGB[20:]
    photo = read_photo(with_profile(grey + b"mpet", mode="L"))
    assert photo.icc is None and photo.notes == ("GRAY colour profile dropped",)


def test_deep_pixmaps_are_rounded_as_any_other() -> None:
    """16-bit PPM against the definition, for every value there is."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    pixels = np.dstack([values, values[::-1], values.T])
    photo = read_photo(b"P6\n256 256\n65535\n" + pixels.astype(">u2").tobytes())
    np.testing.assert_array_equal(photo.rgb, np.rint(pixels / 257).astype(np.uint8))
    assert photo.notes == ("16-bit reduced to 8-bit",) and photo.format == "PPM"
