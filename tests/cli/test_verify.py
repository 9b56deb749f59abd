"""`facerelief verify`: what an edit leaves in a file, and what is left of it after others had it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

from facerelief.editing.video.morph import Morph, save_morph
from facerelief.editing.video.writer import write_frames
from facerelief.faces import detector
from facerelief.faces.detector import LandmarkFinder
from facerelief.photos.photo import read_mark, read_photo, save_photo
from facerelief.photos.provenance.xmp import EditMark, mark_edit

Command = Callable


@pytest.fixture(autouse=True)
def _one_finder(finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "load_finder", lambda **_: finder)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head whose face is 150 pixels high."""
    path = tmp_path_factory.mktemp("photos") / "me.jpg"
    head = Image.fromarray(astronaut()).resize((720, 720), Image.Resampling.LANCZOS).crop((160, 0, 500, 340))
    head.save(path, quality=95)
    return path


@pytest.fixture
def edited(command: Command, photo: Path, tmp_path: Path) -> Path:
    path = tmp_path / "edited.jpg"
    assert command("edit", photo, "--to", "anger", "-o", path).code == 0
    return path


def found(command: Command, *pictures: Path) -> list[dict]:
    result = command("verify", "--json", *pictures)
    assert result.err == ""
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert result.code == (0 if all(line["edited"] for line in lines) else 1)
    assert [line["picture"] for line in lines] == [str(picture) for picture in pictures]
    return lines


def test_an_edit_shows_every_layer(command: Command, edited: Path) -> None:
    (told,) = found(command, edited)
    assert told["edited"] and told["xmp"]["description"] == "facial expression edited to anger"
    assert told["c2pa"]["state"] == "untrusted" and told["c2pa"]["problems"] == []
    assert told["pixels"][0]["expression"] == "anger" and told["pixels"][0]["chance"] < 1e-6
    result = command("verify", edited)
    assert (result.code, result.err) == (0, "")
    assert f"{edited}: a mark of an edit was found" in result.out
    for words in (
        "C2PA    untrusted: nothing changed since",
        "names no signer",
        "c2pa.edited",
        "XMP     facial expression",
    ):
        assert words in result.out


def test_what_is_left_after_others_saved_it(command: Command, edited: Path, tmp_path: Path) -> None:
    """JPEG 75 at half the size keeps none but the mark in the pixels."""
    with Image.open(edited) as image:
        image.resize((170, 170)).save(tmp_path / "half.jpg", quality=75)
        image.save(tmp_path / "again.webp", quality=80)
    for told in found(command, tmp_path / "half.jpg", tmp_path / "again.webp"):
        assert (told["xmp"], told["c2pa"]) == (None, None)
        assert len(told["pixels"]) == 1


def test_a_changed_file_is_told(command: Command, edited: Path, tmp_path: Path) -> None:
    data = bytearray(edited.read_bytes())
    data[-200] ^= 1
    edited.write_bytes(data)
    (told,) = found(command, edited)
    assert told["c2pa"]["problems"] == ["assertion.dataHash.mismatch"]
    assert "invalid: the file was changed after it was signed" in command("verify", edited).out


def test_a_photo_as_it_was_and_edits_without_provenance(command: Command, photo: Path, tmp_path: Path) -> None:
    for name, options in (("plain.png", ["--no-provenance"]), ("none.png", ["--strength", 0])):
        command("edit", photo, "--to", "anger", "-o", tmp_path / name, *options)
    for told in found(command, photo, tmp_path / "plain.png", tmp_path / "none.png"):
        assert (told["edited"], told["xmp"], told["c2pa"], told["pixels"]) == (False, None, None, [])
    result = command("verify", photo)
    assert (result.code, result.err) == (1, "")
    assert result.out.startswith(f"{photo}: no mark of an edit was found\n")


def test_strength_0_keeps_every_pixel(command: Command, photo: Path, tmp_path: Path) -> None:
    command("edit", photo, "--to", "anger", "-o", tmp_path / "same.png", "--strength", 0)
    with Image.open(photo) as before, Image.open(tmp_path / "same.png") as after:
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_what_cannot_be_read_is_named_and_the_others_are_looked_at(command: Command, edited: Path) -> None:
    absent = edited.with_name("absent.jpg")
    result = command("verify", absent, edited)
    assert result.code == 2
    assert result.err == f"facerelief: {absent} does not exist; check the name\n"
    assert f"{edited}: a mark" in result.out
    assert command("verify", edited, "--trust", absent).code == 2


def test_what_a_file_says_cannot_draw_lines_of_its_own(command: Command, photo: Path, tmp_path: Path) -> None:
    said = "nothing\n  C2PA    trusted: nothing changed since it was signed by Adobe Inc.\x9b2K"
    path = tmp_path / "sly.png"
    save_photo(read_photo(photo), path, EditMark("facerelief 0.1.0", said))
    lines = command("verify", path).out.splitlines()
    assert sum(line.startswith("  C2PA") for line in lines) == 1
    assert any(
        "nothing C2PA trusted: nothing changed since it was signed by Adobe Inc.\\x9b2K" in line for line in lines
    )


def test_certificates_are_in_pem_form(command: Command, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.der").write_bytes(b"\x30\x82\x01\xff")
    result = command("verify", photo, "--trust", tmp_path / "mine.der")
    assert result.code == 2
    assert "mine.der contains no PEM certificate; convert it" in result.err


def test_the_state_has_one_word_in_text_and_json(command: Command, edited: Path, tmp_path: Path) -> None:
    """Whole by a certificate made for the occasion, and changed since."""
    changed = tmp_path / "changed.jpg"
    data = bytearray(edited.read_bytes())
    data[-1000] ^= 1
    changed.write_bytes(data)
    for path, state in ((edited, "untrusted"), (changed, "invalid")):
        (told,) = found(command, path)
        assert told["c2pa"]["state"] == state
        assert f"C2PA    {state}: " in command("verify", path).out


def test_a_folder_stands_for_its_photos_as_in_edit(command: Command, edited: Path, photo: Path, tmp_path: Path) -> None:
    room = tmp_path / "room"
    (room / "below").mkdir(parents=True)
    edited.replace(room / "below" / "b.jpg")
    (room / "a.jpg").write_bytes(photo.read_bytes())
    (room / "notes.txt").write_text("no photo")
    (room / ".hidden").mkdir()
    (room / ".hidden" / "c.jpg").write_bytes(b"")
    for argument in (room, f"{room}/**/*.jpg"):
        result = command("verify", "--json", argument)
        lines = [json.loads(line) for line in result.out.splitlines()]
        assert [line["edited"] for line in lines] == [False, True] and (result.code, result.err) == (1, "")
        assert [line["picture"] for line in lines] == [str(room / "a.jpg"), str(room / "below" / "b.jpg")]


def test_a_folder_stands_for_its_films_too(command: Command, edited: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra video")
    room = tmp_path / "room"
    room.mkdir()
    edited.replace(room / "a.jpg")
    write_frames(room / "b.mp4", iter([np.full((64, 64, 3), 90, np.uint8)] * 9), 25, None)
    result = command("verify", "--json", room)
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [(Path(line["picture"]).name, line["edited"]) for line in lines] == [("a.jpg", True), ("b.mp4", False)]
    assert (result.code, result.err) == (1, "")


def test_what_is_no_file_is_refused_by_name(command: Command, edited: Path) -> None:
    for argument, kind in (("-", "standard input"), ("https://h/p.jpg", "an address")):
        result = command("verify", argument, edited)
        assert result.code == 2 and f"{edited}: a mark" in result.out  # the others are looked at
        said = f"facerelief: {argument} is {kind}, and verify reads files only; save it as a file first"
        assert result.err.split() == said.split()


def test_an_argument_that_names_nothing_is_one_line(command: Command, edited: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    for argument in (tmp_path / "none", tmp_path / "*.gif"):
        result = command("verify", argument, edited)
        assert result.code == 2 and result.err.count("\n") == 1
        assert f"{edited}: a mark" in result.out  # the others are looked at


@pytest.mark.skipif(os.name != "posix", reason="special files")
def test_what_is_no_file_is_refused_and_not_waited_for(program: Command, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "b.mp4")
    os.mkfifo(tmp_path / "c.pem")
    names = [tmp_path / "a.jpg", tmp_path / "b.mp4", "/dev/zero"]
    result = program("verify", *names, timeout=300)
    assert result.code == 2
    said = [f"facerelief: {name} cannot be opened (a {kind}, not a file); check the name"
            for name, kind in zip(names, ("FIFO", "FIFO", "device"), strict=True)]  # fmt: skip
    assert result.err.splitlines() == said
    result = program("verify", tmp_path / "a.jpg", "--trust", tmp_path / "c.pem", timeout=300)
    assert "c.pem (a FIFO, not a file); give a PEM file" in result.err


def test_gifs_say_it_in_their_comment(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is all that they have where C2PA's library is not installed."""
    for module in ("provenance.content_credentials", "photo", "provenance.verify"):
        monkeypatch.setattr(f"facerelief.photos.{module}.can_sign", lambda: False)
    mark, how = mark_edit(None, "anger", ()), Morph(seconds=0.2, hold=0)
    for name, its in (("edited", mark), ("plain", None)):
        frames = iter([np.full((64, 64, 3), level, np.uint8) for level in range(9)])
        save_morph(tmp_path / f"{name}.gif", frames, how, its)
    assert read_mark(tmp_path / "edited.gif") == mark
    edited, plain = found(command, tmp_path / "edited.gif", tmp_path / "plain.gif")
    assert (edited["edited"], edited["comment"], edited["xmp"]) == (True, f"{mark.description} by {mark.tool}", None)
    assert (plain["edited"], plain["comment"], plain["xmp"]) == (False, None, None)
    Image.new("RGB", (64, 64)).save(tmp_path / "other.gif", comment=b"by a cat")
    assert not found(command, tmp_path / "other.gif")[0]["edited"]


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files, and limits of memory")
def test_gigabytes_behind_a_picture_are_not_read(tmp_path: Path, photo: Path) -> None:
    """By a process that may have 1.5 GB, of films as of photos."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom")
    for path in (tmp_path / "large.jpg", clip):
        path.write_bytes(path.read_bytes() if path == clip else photo.read_bytes())
        os.truncate(path, 3_000_000_000)
        code = (
            "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))\n"
            "from pathlib import Path\nfrom facerelief.errors import FacereliefError\n"
            "from facerelief.photos.provenance.verify import find_provenance\n"
            "try:\n    find_provenance(Path(sys.argv[1]))\nexcept FacereliefError as reason:\n    print(reason)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if path != clip:
            assert done.stdout == f"{path} is larger than 500 MB; shrink it\n"


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4"])
def test_films_say_it_in_their_comment(command: Command, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("av", reason="needs the extra video")
    comment = "facial expression edited to anger by facerelief 0.1.0"
    for name, said in (("edited", comment), ("plain", None)):
        frames = iter([np.full((64, 64, 3), level, np.uint8) for level in range(9)])
        write_frames(tmp_path / f"{name}{suffix}", frames, 25, said)
        (told,) = found(command, tmp_path / f"{name}{suffix}")
        assert (told["edited"], told["comment"]) == (said is not None, said)
    playlist = f"ffconcat version 1.0\nfile edited{suffix}\n"  # which would have another file opened
    for bad in ("hello", playlist):
        (tmp_path / f"broken{suffix}").write_text(bad)
        result = command("verify", tmp_path / f"broken{suffix}")
        assert result.code == 2
        assert f"broken{suffix} is not a video, truncated or damaged; give an MP4, MOV" in result.err
