"""What the command line says of what it skips, loses, or does not understand."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import facerelief
from facerelief.editing.jobs.inputs import expand
from facerelief.editing.jobs.photo_job import lost_in
from facerelief.errors import FacereliefError, PhotoError
from facerelief.photos.photo import Photo, read_photo

Command = Callable
Refused = Callable[..., str]


def test_photos_of_a_folder_that_cannot_be_read(command: Command, refused: Refused, portrait_jpg: Path) -> None:
    folder = portrait_jpg.parent
    for name in ("a.heic", "b.HEIC", "c.jp2", ".hidden.heic"):
        (folder / name).write_bytes(b"x")
    (folder / "IMG_1").write_bytes(portrait_jpg.read_bytes())
    (folder / "notes").write_text("no photo")
    notes: list[str] = []
    assert [one.source for one in expand([str(folder)], notes=notes)] == [portrait_jpg]
    for part in ("2 HEIC files skipped; export as JPEG", "1 JPEG 2000 file skipped", "1 suffixless photo file skipped"):
        assert part in notes[0]
    assert "2 HEIC files skipped" in command("measure", folder).err
    portrait_jpg.unlink()
    (folder / "IMG_1").unlink()
    line = refused("edit", folder, "--to", "happy")
    assert "there are no photos that can be read" in line and "2 HEIC files skipped; export as JPEG" in line


def test_a_long_name_in_a_batch_is_no_fault_of_the_program(command: Command, portrait_jpg: Path) -> None:
    long = portrait_jpg.with_name("x" * 248 + ".jpg")
    long.write_bytes(portrait_jpg.read_bytes())
    result = command("edit", portrait_jpg, long, "--to", "happiness", "--workers", "1")
    assert result.code == 1 and "fault of the program" not in result.err and "File name too long" in result.err


def test_what_a_format_loses(portrait: np.ndarray, tmp_path: Path) -> None:
    half = Photo(portrait, alpha=np.full(portrait.shape[:2], 128, np.uint8))
    assert "transparent" in lost_in(half, Path("a.jpg"), ".png")[0] and not lost_in(half, Path("a.png"), ".png")
    for lossless in (True, False):
        stream = io.BytesIO()
        Image.fromarray(portrait).save(stream, "WEBP", lossless=lossless)
        found = lost_in(read_photo(stream.getvalue()), Path("a.webp"), ".webp")
        assert ("lossless WEBP is written as lossy" in "".join(found)) is lossless
    jpeg = Photo(portrait, format="JPEG")
    assert lost_in(jpeg, Path("a.png"), "")[0].startswith("JPEG is written as PNG")
    assert not lost_in(jpeg, Path("a.jpg"), "")


def test_measure_goes_on(command: Command, portrait_jpg: Path) -> None:
    bad = portrait_jpg.with_name("bad.jpg")
    bad.write_text("no photo")
    result = command("measure", portrait_jpg.parent, "--csv")
    assert result.code == 1 and "bad.jpg" in result.err and "1 of 2 photos were not measured" in result.err
    (line,) = csv.DictReader(io.StringIO(result.out))
    assert line["photo"] == str(portrait_jpg) and float(line["AU12_deviation"]) > 0 and line["AU12_seen"] in ("0", "1")


def test_stimuli_leave_out_what_cannot_be_used(
    command: Command, portrait_jpg: Path, portrait: np.ndarray, tmp_path: Path
) -> None:
    (portrait_jpg.parent / "bad.jpg").write_text("no photo")
    result = command("stimuli", portrait_jpg.parent, portrait_jpg, "-o", tmp_path / "out")
    assert result.code == 0 and "left out" in result.err and "bad.jpg" in result.err
    assert len((tmp_path / "out" / "stimuli.csv").read_text().splitlines()) == 2  # each photo once


def test_compare_names_all_bad_photos(refused: Refused, tmp_path: Path) -> None:
    line = refused("compare", tmp_path / "a.jpg", tmp_path / "b.jpg", "-o", tmp_path / "x.png")
    assert "2 of 2 photos cannot be read" in line and "a.jpg does not exist" in line and "b.jpg does not exist" in line


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--to", "hapiness"), "did you mean happiness?"),
        (("--to", "all:0.5"), "all takes no amount"),
        (("--au", "12=0.5"), "12 is no action unit; write --au AU12=0.8,AU4L=0.3, or use --to; units are AU1, AU2"),
        (("--blendshape", "tongueOut=1"), "a movement of the tongue, which is not supported"),
        (("--to", "happy", "--engine", "torch"), "--engine torch is for networks"),
    ],
)
def test_wrong_choices(refused: Refused, portrait_jpg: Path, words: tuple[str, ...], line: str) -> None:
    assert line in refused("edit", portrait_jpg, *words)


def test_a_preset_of_a_preset(refused: Refused, portrait_jpg: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('grin = "wink-left+AU12"')
    line = refused("edit", portrait_jpg, "--to", "grin", "--presets", tmp_path / "mine.toml")
    assert "wink-left is a preset, and presets cannot contain presets" in line


def test_what_is_typed_wins_over_the_environment(
    command: Command, refused: Refused, portrait_jpg: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACERELIEF_EDIT_AU", "AU12=1")
    assert "sadness" in command("edit", portrait_jpg, "--to", "sad").out
    monkeypatch.setenv("FACERELIEF_EDIT_TO", "sad")
    line = refused("edit", portrait_jpg)
    assert "FACERELIEF_EDIT_TO and FACERELIEF_EDIT_AU both say what faces are to show; unset one of them" in line
    monkeypatch.setenv("FACERELIEF_EDIT_METHOD", "foo")
    assert refused("edit", portrait_jpg, "--to", "sad").endswith("(set by FACERELIEF_EDIT_METHOD)")


def test_open_files_in_python(portrait_jpg: Path) -> None:
    editor = facerelief.load()
    with portrait_jpg.open("rb") as stream:
        edited = editor.edit(stream, "happiness")
    out = io.BytesIO()
    edited.save(out, "png")
    assert read_photo(out.getvalue()).mark is not None
    with pytest.raises(PhotoError, match="no bytes left to read; seek"):
        editor.faces(io.BytesIO())
    with pytest.raises(PhotoError, match="no binary file"):
        editor.faces(io.StringIO("x"))
    with pytest.raises(FacereliefError, match="say the format"):
        edited.save(io.BytesIO())
