"""Datasets from somebody else: nothing outside of them is read, shown or written to, whatever they hold."""

import base64
import dataclasses
import io
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shells import CLASSES, Handmade

from facerelief.data import Dataset
from facerelief.data.arrays import load_arrays
from facerelief.data.journal import JOURNAL, open_dataset
from facerelief.data.manifest import METADATA, Sample, read_samples, write_rows
from facerelief.data.portraits import DatasetPortraits
from facerelief.data.review.contact_sheet import write_contact_sheet
from facerelief.data.review.selection import review
from facerelief.data.sources.labelled import photos_under
from facerelief.data.stats import dataset_warnings, render, table4
from facerelief.errors import DatasetError
from facerelief.files.arrays import map_npy, read_npz
from facerelief.files.png import read_png

SECRET = (255, 0, 255)
COLUMNS = ("file_name", "depth_file_name", "normal_file_name", "mask_file_name", "mesh")
WAYS_OUT = (
    "/{secret}",
    "../{name}",
    "rgb/../../{name}",
    "rgb/..",
    "..",
    "",
    ".",
    "rgb/",
    "rgb\\..\\..\\{name}",
    "a\0b",
)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "private.png"
    Image.new("RGB", (64, 64), SECRET).save(path)
    return path


@pytest.fixture
def foreign(handmade: Handmade) -> Handmade:
    for number in range(12):
        handmade.add(f"p{number}", expression=CLASSES[number % 3])
    handmade.write()
    return handmade


def uses(dataset: Path) -> dict[str, Callable[[], object]]:
    """All that reads a dataset's files."""
    return {
        "review": lambda: review(dataset),
        "sheet": lambda: write_contact_sheet(dataset),
        "stats": lambda: (render(table4(read_samples(dataset), "x")), dataset_warnings(read_samples(dataset))),
        "arrays": lambda: load_arrays(Dataset(dataset), read_samples(dataset), 32, "rgb", CLASSES, complete=False),
        "portraits": lambda: [DatasetPortraits(dataset)[0]],
    }


def shows_secret(page: Path) -> bool:
    pictures = re.findall(r'base64,([^"]+)"', page.read_text()) if page.is_file() else []
    tiles = (np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB")).astype(int) for one in pictures)
    return any((abs(tile - SECRET).max(axis=2) < 30).mean() > 0.2 for tile in tiles)


# -- files outside --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_row_that_names_a_file_elsewhere_is_refused_by_everything(
    foreign: Handmade, secret: Path, column: str, way: str
) -> None:
    name = way.format(secret=str(secret).lstrip("/"), name=secret.name)
    samples = [dataclasses.replace(foreign.samples[0], **{column: name}), *foreign.samples[1:]]
    write_rows(foreign.path / METADATA, Sample, samples)
    for use in uses(foreign.path).values():
        with pytest.raises(DatasetError, match="is not in the dataset, or a link that leads out of it") as caught:
            use()
        assert str(caught.value).startswith(f"{foreign.path / METADATA}, row 2: ")
        assert str(caught.value).isprintable()
    assert not (foreign.path / "review.html").exists()


@pytest.mark.parametrize("of", ["file", "folder", "chain"])
def test_a_link_out_of_the_dataset_is_refused(foreign: Handmade, secret: Path, of: str) -> None:
    rgb = foreign.path / "rgb"
    if of == "folder":
        shutil.move(rgb, secret.parent / "elsewhere")
        rgb.symlink_to(secret.parent / "elsewhere")
    else:
        (rgb / "p0.png").unlink()
        (rgb / "p0.png").symlink_to("hop.png" if of == "chain" else secret)
        (rgb / "hop.png").symlink_to(secret)
    for use in uses(foreign.path).values():
        with pytest.raises(DatasetError, match="a link that leads out of it"):
            use()


def test_links_within_the_dataset_and_a_link_to_it_are_followed(foreign: Handmade, tmp_path: Path) -> None:
    rgb = foreign.path / "rgb"
    shutil.move(rgb / "p0.png", rgb / "other.png")
    (rgb / "p0.png").symlink_to("other.png")
    (tmp_path / "linked").symlink_to(foreign.path)
    assert review(tmp_path / "linked").kept == 12


@pytest.mark.parametrize("name", ["rgb", "depth", JOURNAL])
def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path, name: str) -> None:
    dataset, outside = tmp_path / "dataset", tmp_path / "outside"
    open_dataset(dataset, {"size": 64})
    outside.mkdir() if name != JOURNAL else outside.touch()
    if name != JOURNAL:
        (dataset / name).rmdir()
    (dataset / name).symlink_to(outside)
    with pytest.raises(DatasetError, match="a link that leads out of it"):
        open_dataset(dataset, {"size": 64})


def test_decoded_copies_are_not_kept_elsewhere(foreign: Handmade, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (foreign.path / ".arrays").symlink_to(tmp_path / "outside")
    with pytest.raises(DatasetError, match="a link that leads out of it"):
        uses(foreign.path)["arrays"]()
    assert list((tmp_path / "outside").iterdir()) == []


# -- files that are no files ----------------------------------------------------------------------------------------


def test_pipes_sockets_and_broken_links_are_passed_over_without_waiting(foreign: Handmade) -> None:
    """In a process that is killed after a while: reading a pipe waits for ever."""
    short = Path(os.path.relpath(foreign.path / "rgb" / "p1.png"))
    for name in ("rgb/p0.png", "depth/p2.png", "mesh/p3.npz"):
        (foreign.path / name).unlink()
        os.mkfifo(foreign.path / name)
    (foreign.path / "rgb" / "p1.png").unlink()
    with socket.socket(socket.AF_UNIX) as open_end:
        open_end.bind(str(short))
    (foreign.path / "rgb" / "p4.png").unlink()
    (foreign.path / "rgb" / "p4.png").symlink_to("p4.png")
    code = (
        "import sys; from pathlib import Path; from facerelief.data.review.selection import review;"
        "from facerelief.data.review.contact_sheet import write_contact_sheet; d = Path(sys.argv[1]);"
        "print(review(d).kept); write_contact_sheet(d)"
    )
    done = subprocess.run([sys.executable, "-c", code, foreign.path], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["7"]


def test_a_walk_ends_whatever_it_meets(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self.jpg").symlink_to("self.jpg")
    (tmp_path / "a" / "photo.jpg").touch()
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    assert {path.name for path in photos_under(tmp_path)} >= {"photo.jpg"}


# -- too much of everything -----------------------------------------------------------------------------------------


def bomb(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of any size and no pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def test_pictures_and_arrays_that_unfold_to_gigabytes(tmp_path: Path) -> None:
    picture, archive, sparse = tmp_path / "a.png", tmp_path / "a.npz", tmp_path / "b.png"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    second = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    for data in (bomb(2**31 - 1, 2**31 - 1), bomb(60_000, 60_000), bomb(1025, 8), bomb(64, 64, (b"IHDR", second))):
        picture.write_bytes(data)
        with pytest.raises(DatasetError, match=r"pixels, of 1024 that a side may have|decompression bomb"):
            read_png(picture)
    sparse.touch()
    os.truncate(sparse, 8 << 30)
    with pytest.raises(DatasetError, match="larger than 8 MB"):
        read_png(sparse)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out, out.open("landmarks.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (2**30,)})
        for _ in range(600):
            stream.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="MiB of arrays"):
        read_npz(archive)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10


def test_arrays_of_another_form_are_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((3, 4), np.uint8))
    assert map_npy(path, np.uint8, (3, 4)).shape == (3, 4)
    for kind, shape in ((np.uint8, (4, 3)), (np.int8, (3, 4))):
        with pytest.raises(ValueError, match="not"):
            map_npy(path, kind, shape)
    np.save(path, np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="Python objects"):
        map_npy(path, np.uint8, (1,))


def test_an_archive_or_anything_else_is_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.savez(tmp_path / "a.npz", np.zeros((3, 4), np.uint8))
    archive = (tmp_path / "a.npz").read_bytes()
    for content in (archive, archive[:50], b"PK\x03\x04", b"", b"\x93NUMPY", b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"[a-z]"):  # whatever NumPy says
            map_npy(path, np.uint8, (3, 4))


def test_a_line_without_end_is_no_table(foreign: Handmade) -> None:
    path = foreign.path / METADATA
    for size, reason in ((1 << 30, "characters"), (5 << 30, "more than 2048 MiB")):
        os.truncate(path, size)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DatasetError, match=reason):
            read_samples(foreign.path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
