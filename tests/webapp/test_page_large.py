"""Photos that the server would refuse for their size or kind: the page makes them smaller, and says so."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import opened, picked, settled, until, without
from PIL import Image, ImageCms

Open = Callable[..., Any]
TIMES = "\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}"
# Display P3's primaries, adapted to D50, and its white: X, Y, Z
P3 = {b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.1571, 0.06657, 0.78407)}
P3 |= {b"wtpt": (0.9642, 1.0, 0.8249)}


def display_p3() -> bytes:
    """An ICC profile (ICC.1:2001-04): a matrix, and a curve of gamma 2.2."""
    name = b"Display P3\0"
    tags = {key: b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in xyz)) for key, xyz in P3.items()}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    tags |= dict.fromkeys(
        (b"rTRC", b"gTRC", b"bTRC"), b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    )
    place, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += key + struct.pack(">II", place + len(data), len(value))
        data += padded
    head = struct.pack(
        ">I4sI4s4s4s12s4s", place + len(data), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ", bytes(12), b"acsp"
    )
    white = struct.pack(">3i", *(round(v * 65536) for v in P3[b"wtpt"]))
    return (head + bytes(28) + white).ljust(128, b"\0") + table + data


def limited(page: Any, **limits: int) -> None:
    """Have the page believe that the server takes less."""

    def menu(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        route.fulfill(response=answer, json={**body, "limits": {**body["limits"], **limits}})

    page.route("**/v1/expressions", menu)
    page.reload()


def downloaded(page: Any, folder: Path) -> Image.Image:
    with page.expect_download() as got:
        page.get_by_role("button", name="Download", exact=True).click()
    got.value.save_as(folder / "saved.jpg")
    assert got.value.suggested_filename == "photo-happiness.jpg"
    image = Image.open(io.BytesIO((folder / "saved.jpg").read_bytes()))
    image.load()
    return image


def test_too_many_pixels_are_made_fewer_and_stay_upright(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """The camera's orientation: the file lies on its side."""
    page = open_page()
    limited(page, pixels=120_000)
    upright = Image.fromarray(group)
    tags = Image.Exif()
    tags[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "photo.jpg", quality=95, exif=tags)
    opened(page, tmp_path / "photo.jpg")
    note = page.inner_text("#note").replace(TIMES, " x ")
    assert "Made smaller in the browser, from 640 x 320 to 484 x 242 pixels" in note
    assert "the server takes up to 0.1 megapixels" in note
    assert "(EXIF) is left out" in note
    picked(page, "happiness")
    settled(page)
    saved = downloaded(page, tmp_path)
    assert saved.size == (484, 242)
    assert saved.getexif().get(0x0112, 1) == 1
    wanted = np.asarray(upright.resize(saved.size, Image.Resampling.LANCZOS)).astype(int)
    apart = np.abs(np.asarray(saved.convert("RGB")).astype(int) - wanted).mean(axis=2)
    assert np.median(apart) < 4  # all but the face


def test_too_many_bytes_are_made_fewer(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    limited(page, bytes=2**18)
    Image.fromarray(group).resize((1280, 640)).save(tmp_path / "photo.png")
    assert (tmp_path / "photo.png").stat().st_size > 2**18
    opened(page, tmp_path / "photo.png")
    assert "Compressed in the browser, from" in page.inner_text("#note")
    picked(page, "happiness")
    settled(page)
    assert downloaded(page, tmp_path).size == (1280, 640)


def test_wide_colours_are_kept(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """The reddest red of Display P3 lies outside sRGB, which would make it (234, 51, 35)."""
    page = open_page()
    limited(page, pixels=120_000)
    rgb = group.copy()
    rgb[240:, 300:340] = (255, 0, 0)
    Image.fromarray(rgb).save(tmp_path / "photo.jpg", quality=95, icc_profile=display_p3())
    opened(page, tmp_path / "photo.jpg")
    assert "Made smaller" in page.inner_text("#note")
    picked(page, "happiness")
    settled(page)
    saved = downloaded(page, tmp_path)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(saved.info["icc_profile"]))
    p3 = ImageCms.ImageCmsProfile(io.BytesIO(display_p3()))
    as_p3 = ImageCms.profileToProfile(saved.convert("RGB"), profile, p3, outputMode="RGB")
    assert as_p3 is not None
    red = np.asarray(as_p3)[220, 242].astype(int)
    assert np.abs(red - (255, 0, 0)).max() < 12


def test_what_is_within_the_limits_is_sent_as_it_is(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    page = open_page()
    Image.fromarray(group).save(tmp_path / "photo.jpg", quality=95, comment=b"kept")
    opened(page, tmp_path / "photo.jpg")
    assert not page.locator("#note").is_visible()
    picked(page, "happiness")
    settled(page)
    assert downloaded(page, tmp_path).size == (640, 320)


def test_a_phones_48_megapixels(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """With the server's own limits."""
    page = open_page()
    Image.fromarray(group).resize((9600, 5000), Image.Resampling.BILINEAR).save(tmp_path / "photo.jpg", quality=90)
    opened(page, tmp_path / "photo.jpg")
    note = page.inner_text("#note").replace(TIMES, " x ")
    assert "from 9600 x 5000 to 8675 x 4518 pixels: the server takes up to 40 megapixels" in note
    assert not page.get_by_role("alert").is_visible()
    page.goto("about:blank")  # ends what is being made of it


def test_heic_is_converted_where_the_browser_reads_it(open_page: Open, group: np.ndarray, tmp_path: Path) -> None:
    """Chromium does not, and says so; as a browser that does, it is given a JPEG for the same file's pixels."""
    page = open_page()
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    until(page, "document.body.dataset.ready")
    page.set_input_files("#file", {"name": "photo.heic", "mimeType": "image/heic", "buffer": heic})
    page.get_by_role("alert").wait_for()
    assert "cannot read HEIC photos. Save it as JPEG" in page.inner_text("#alert")
    stream = io.BytesIO()
    Image.fromarray(group).save(stream, "JPEG", quality=95)
    page.evaluate(
        """(bytes) => {
          const old = URL.createObjectURL;
          const jpeg = new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' });
          URL.createObjectURL = (blob) => old.call(URL, blob.name === 'photo.heic' ? jpeg : blob);
        }""",
        list(stream.getvalue()),
    )
    page.set_input_files("#file", {"name": "photo.heic", "mimeType": "image/heic", "buffer": heic})
    until(page, "document.querySelectorAll('#boxes button').length > 0")
    assert "Converted from HEIC to JPEG in the browser" in page.inner_text("#note")
    picked(page, "happiness")
    settled(page)
    assert downloaded(page, tmp_path).size == (640, 320)
    without(page)
