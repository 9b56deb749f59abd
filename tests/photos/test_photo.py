"""Photos read from generated files, against arrays turned, scaled and converted by hand."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from facerelief.errors import FacereliefError, PhotoError
from facerelief.photos.color_modes import to_srgb
from facerelief.photos.photo import SAVE_FORMATS, Photo, read_mark, read_photo, save_photo
from facerelief.photos.provenance.xmp import EditMark

ROWS, COLUMNS = np.mgrid[0:40, 0:64]
RGB = np.stack([COLUMNS * 4, ROWS * 6, (COLUMNS + ROWS) * 2], axis=-1).astype(np.uint8)
ALPHA = (COLUMNS * 3).astype(np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MARK = EditMark("facerelief 1.2", "expression changed to <happiness> & back, naïvely")


def encoded(pixels: NDArray[np.generic] | Image.Image, kind: str, **options: object) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def exif_block() -> bytes:
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    tags.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return tags.tobytes()


def deep_png(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit RGB PNG, which Pillow reads but cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    height, width, _ = pixels.shape
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 16, 2, 0, 0, 0))
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2")))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def profile_of(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal version 2 ICC profile."""
    white = struct.pack(">3l", 63190, 65536, 54061)  # D50, s15Fixed16
    tags = {b"wtpt": b"XYZ \0\0\0\0" + white, **tags}
    table, body = struct.pack(">L", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">LL", 132 + 12 * len(tags) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    size = struct.pack(">L", 128 + len(table) + len(body))
    head = size + bytes(4) + b"\x02\x40\0\0" + kind + space + pcs + bytes(12) + b"acsp" + bytes(28) + white
    return head.ljust(128, b"\0") + table + body


LINEAR_GREY = profile_of(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(4) + struct.pack(">LH", 1, 256)})


def inks(corners: dict[int, tuple[int, int, int]]) -> bytes:
    """A CMYK profile, linear between its 16 corners; a corner is the bits CMYK, its colour 8-bit Lab."""
    straight = bytes(range(256))
    grid = b"".join(bytes(corners.get(corner, (0, 128, 128))) for corner in range(16))
    matrix = struct.pack(">9l", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + straight * 4 + grid + straight * 3
    return profile_of(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


# -- orientation ----------------------------------------------------------------------------------------------------

STORED_AS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright),  # the stored picture is to be turned clockwise
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_every_orientation_is_made_upright(orientation: int, kind: str) -> None:
    tags = Image.Exif()
    tags[0x0112] = orientation
    stored = np.ascontiguousarray(STORED_AS[orientation](RGB))
    photo = read_photo(encoded(stored, kind, exif=tags.tobytes(), **({"lossless": True} if kind == "WEBP" else {})))
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.exif is None or Image.open(io.BytesIO(encoded(RGB, "PNG", exif=photo.exif))).getexif()[0x0112] == 1


def test_alpha_turns_with_the_picture() -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    stored = np.rot90(np.dstack([RGB, ALPHA])).copy()
    photo = read_photo(encoded(stored, "PNG", exif=tags.tobytes()))
    np.testing.assert_array_equal(photo.rgb, RGB)
    np.testing.assert_array_equal(np.asarray(photo.alpha), ALPHA)


# -- depths and colour modes ----------------------------------------------------------------------------------------

RAMP = np.linspace(0, 65535, 64 * 40).reshape(40, 64).astype(np.uint16)


@pytest.mark.parametrize(("kind", "dtype"), [("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", ">u2"), ("PPM", "<u2")])
def test_deep_grey_keeps_its_range(kind: str, dtype: str) -> None:
    photo = read_photo(encoded(RAMP.astype(dtype), kind))
    expected = np.rint(RAMP / 65535 * 255)
    np.testing.assert_array_equal(photo.rgb, np.dstack([expected] * 3))
    assert photo.notes == ("16-bit reduced to 8-bit",)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_float_grey_is_scaled_by_the_range_it_uses(top: float) -> None:
    ramp = np.linspace(0, top, 64 * 40, dtype=np.float32).reshape(40, 64)
    grey = read_photo(encoded(ramp, "TIFF")).rgb[..., 0]
    np.testing.assert_allclose(grey, ramp / top * 255, atol=0.51)


def test_float_grey_out_of_every_range_is_stretched() -> None:
    ramp = np.linspace(-3e5, 3e5, 64 * 40, dtype=np.float32).reshape(40, 64)
    ramp[20, 30] = np.nan
    grey = read_photo(encoded(ramp, "TIFF")).rgb[..., 0]
    expected = np.linspace(0, 255, 64 * 40).reshape(40, 64)
    expected[20, 30] = 127.5  # what is not a number counts as 0
    np.testing.assert_allclose(grey, expected, atol=0.51)
    assert not read_photo(encoded(np.zeros((40, 64), np.float32), "TIFF")).rgb.any()


def test_deep_colour_is_reduced_and_noted() -> None:
    photo = read_photo(deep_png(RGB.astype(np.uint16) * 257))
    np.testing.assert_array_equal(photo.rgb, RGB)
    assert photo.notes == ("16-bit reduced to 8-bit",)


def test_grey_one_bit_and_palette() -> None:
    grey = RGB[..., 0]
    np.testing.assert_array_equal(read_photo(encoded(grey, "PNG")).rgb, np.dstack([grey] * 3))
    bits = read_photo(encoded(Image.fromarray(grey > 100), "PNG"))
    np.testing.assert_array_equal(bits.rgb, np.dstack([(grey > 100) * 255] * 3))
    few = RGB // 64 * 64
    palette = Image.fromarray(few).quantize(256, dither=Image.Dither.NONE)
    np.testing.assert_array_equal(read_photo(encoded(palette, "PNG")).rgb, few)
    assert bits.alpha is None and bits.notes == ()


def test_alpha_is_kept_apart() -> None:
    colour = read_photo(encoded(np.dstack([RGB, ALPHA]), "PNG"))
    np.testing.assert_array_equal(colour.rgb, RGB)
    np.testing.assert_array_equal(np.asarray(colour.alpha), ALPHA)
    grey = read_photo(encoded(np.dstack([RGB[..., 0], ALPHA]), "PNG"))
    np.testing.assert_array_equal(grey.rgb, RGB[..., [0, 0, 0]])
    np.testing.assert_array_equal(np.asarray(grey.alpha), ALPHA)


@pytest.mark.parametrize("transparency", [1, bytes([255, 0, 90, 255])])
def test_palette_with_transparency(transparency: int | bytes) -> None:
    indices = (COLUMNS // 16).astype(np.uint8)
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [9, 9, 250]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(colours.tobytes())
    photo = read_photo(encoded(image, "PNG", transparency=transparency))
    values = np.array([255, 0, 255, 255] if transparency == 1 else list(bytes(transparency)), np.uint8)
    np.testing.assert_array_equal(photo.rgb, colours[indices])
    np.testing.assert_array_equal(np.asarray(photo.alpha), values[indices])


def test_cmyk_without_profile() -> None:
    photo = read_photo(encoded(Image.fromarray(RGB).convert("CMYK"), "JPEG", quality=100, subsampling=0))
    np.testing.assert_allclose(photo.rgb, RGB, atol=4)
    assert photo.icc is None and photo.notes == ("CMYK converted to sRGB without a profile",)


def test_cmyk_through_its_own_profile() -> None:
    """A profile whose cyan prints as sRGB red, L*a*b* (54.3, 80.8, 69.9) under D50: no guess would find that."""
    profile = inks({0b0000: (255, 128, 128), 0b1000: (138, 209, 198)})
    ink = np.zeros((40, 64, 4), np.uint8)
    ink[:, 32:, 0] = 255
    photo = read_photo(encoded(Image.fromarray(ink, "CMYK"), "TIFF", icc_profile=profile))
    assert photo.icc is None and photo.notes == ("CMYK converted to sRGB",)
    np.testing.assert_allclose(photo.rgb[:, :32], 255, atol=1)
    np.testing.assert_allclose(photo.rgb[:, 32:], np.broadcast_to([255, 0, 0], (40, 32, 3)), atol=6)


def test_grey_profile_is_applied_not_attached() -> None:
    grey = (COLUMNS * 4).astype(np.uint8)
    photo = read_photo(encoded(grey, "PNG", icc_profile=LINEAR_GREY))
    light = grey / 255  # the profile says that values are linear light
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(photo.rgb, np.dstack([expected] * 3), atol=1)
    assert photo.icc is None and photo.notes == ("GRAY converted to sRGB",)


def test_profiles_that_fit_are_kept_and_others_dropped() -> None:
    assert read_photo(encoded(RGB, "JPEG", icc_profile=SRGB)).icc == SRGB
    for profile, note in [
        (LINEAR_GREY, "GRAY colour profile dropped"),
        (b"junk" * 50, "damaged colour profile dropped"),
    ]:
        photo = read_photo(encoded(RGB, "PNG", icc_profile=profile))
        np.testing.assert_array_equal(photo.rgb, RGB)
        assert photo.icc is None and photo.notes == (note,)


def test_first_frame_of_several() -> None:
    frames = [Image.fromarray(np.full((40, 64), shade, np.uint8)) for shade in (90, 150, 210)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG"):
        photo = read_photo(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
        np.testing.assert_allclose(photo.rgb, 90, atol=2)
        assert photo.notes == ("first of 3 frames",)


# -- sources, and the way back --------------------------------------------------------------------------------------


def test_path_bytes_and_stream_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(RGB, "JPEG"))
    with path.open("rb") as stream:
        photos = [read_photo(path), read_photo(str(path)), read_photo(stream), read_photo(path.read_bytes())]
    for photo in photos:
        np.testing.assert_array_equal(photo.rgb, photos[0].rgb)
        assert photo.format == "JPEG" and photo.rgb.flags.writeable
    assert [photo.name for photo in photos] == [str(path)] * 3 + ["photo"]


@pytest.mark.parametrize("suffix", SAVE_FORMATS)
def test_saving_keeps_all_that_the_format_can_hold(tmp_path: Path, suffix: str) -> None:
    photo = Photo(RGB, ALPHA, SRGB, exif_block())
    path = tmp_path / f"edited{suffix.upper()}"
    save_photo(photo, path, MARK)
    again = read_photo(path)
    assert again.icc == SRGB and again.mark == MARK and again.format == SAVE_FORMATS[suffix]
    tags = Image.Exif()
    tags.load(again.exif or b"")
    assert tags[0x010F] == "Maker" and tags.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    if suffix in (".jpg", ".jpeg"):
        assert again.alpha is None
    else:
        np.testing.assert_array_equal(np.asarray(again.alpha), ALPHA)
    np.testing.assert_allclose(again.rgb, RGB, atol=0 if suffix in (".png", ".tif", ".tiff") else 12)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_jpeg_keeps_fine_colour(tmp_path: Path) -> None:
    """Red and blue columns one pixel wide: halved chroma would make them all the same purple."""
    stripes = np.where((COLUMNS % 2 == 0)[..., None], [200, 40, 40], [40, 40, 200]).astype(np.uint8)
    save_photo(Photo(stripes), tmp_path / "stripes.jpg")
    np.testing.assert_allclose(read_photo(tmp_path / "stripes.jpg").rgb, stripes, atol=12)


@pytest.mark.parametrize("suffix", SAVE_FORMATS)
def test_a_mark_is_there_only_where_made_and_outlives_a_second_saving(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    save_photo(Photo(RGB), first)
    assert read_mark(first) is None and read_photo(first).exif is None
    save_photo(read_photo(first), first, MARK)
    save_photo(read_photo(first).with_rgb(RGB), second)
    assert read_mark(second) == read_mark(second.read_bytes()) == MARK
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in second.read_bytes()


def test_other_pixels_must_fit() -> None:
    photo = Photo(RGB, ALPHA, SRGB)
    turned = photo.with_rgb(RGB[::-1].copy())
    np.testing.assert_array_equal(turned.rgb, RGB[::-1])
    assert turned.icc == SRGB and turned.alpha is ALPHA
    with pytest.raises(ValueError, match="expected uint8 pixels"):
        photo.with_rgb(RGB[:-1])
    with pytest.raises(ValueError, match="got float64"):
        photo.with_rgb(RGB / 255)


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"unknown suffix '\.bmp'; choose from \.png, \.jpg"):
        save_photo(Photo(RGB), tmp_path / "photo.bmp")
    old = tmp_path / "old.jpg"
    old.write_bytes(b"kept")
    tags = Image.Exif()
    tags[0x010E] = "x" * 70_000
    with pytest.raises(PhotoError, match=r"EXIF data is too long\); save it as \.png"):
        save_photo(Photo(RGB, exif=tags.tobytes()), old)
    for suffix in (".jpg", ".webp"):
        with pytest.raises(PhotoError, match=r"save it as \.png"):
            save_photo(Photo(np.zeros((16, 65_501, 3), np.uint8)), tmp_path / f"wide{suffix}")
    with pytest.raises(FacereliefError, match="cannot write"):
        save_photo(Photo(RGB), old / "photo.png")
    assert old.read_bytes() == b"kept" and [file.name for file in tmp_path.iterdir()] == ["old.jpg"]


# -- for formats without profiles -----------------------------------------------------------------------------------


def test_pixels_of_a_profile_in_srgb() -> None:
    """sRGB's primaries with a gamma of 1: a level is a share of light, which sRGB's curve encodes."""
    primaries = {  # of sRGB, adapted to D50, s15Fixed16
        b"rXYZ": (0.43607, 0.22249, 0.01392),
        b"gXYZ": (0.38515, 0.71687, 0.09708),
        b"bXYZ": (0.14307, 0.06061, 0.71410),
    }
    tags = {
        name: b"XYZ \0\0\0\0" + struct.pack(">3l", *(round(65536 * v) for v in xyz)) for name, xyz in primaries.items()
    }
    straight = b"curv" + bytes(4) + struct.pack(">LH", 1, 256)
    linear = profile_of(b"mntr", b"RGB ", b"XYZ ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), straight))
    levels = np.array([[(20, 20, 20), (128, 128, 128), (255, 60, 200)]], np.uint8)
    share = levels / 255
    expected = 255 * (1.055 * share ** (1 / 2.4) - 0.055)
    assert np.abs(to_srgb(levels, linear).astype(float) - expected).max() < 2.5
    np.testing.assert_array_equal(to_srgb(levels, None), levels)
    np.testing.assert_array_equal(to_srgb(levels, b"no profile"), levels)
