"""Nothing that this very command has not written is replaced without --overwrite, whatever way its name is come by."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photos import astronaut
from PIL import Image

from facerelief.editing.jobs import photo_job as files_module
from facerelief.faces.detector import LandmarkFinder
from facerelief.files.ownership import OWNERSHIP_JOURNAL, read_written
from facerelief.photos.photo import read_photo

Command = Callable
HEAD = Image.fromarray(astronaut()[:230, 110:340])


@pytest.fixture
def edit(
    command: Command, finder: LandmarkFinder, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs `edit ARGUMENTS --to happy --weights ...` in a folder with the photo me.png, with one finder for all."""
    monkeypatch.setattr(files_module, "load_finder", lambda **_: finder)
    monkeypatch.chdir(tmp_path)
    HEAD.save("me.png")
    return lambda *arguments: command("edit", *arguments, "--to", "happy", "--weights", weights)


def identity(path: Path) -> tuple[int, ...]:
    """Of the name itself, be it a link."""
    found = os.lstat(path)
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


def test_a_file_that_is_somebody_elses_stays(edit: Command, refused: Callable[..., str], tmp_path: Path) -> None:
    """Of whatever kind it is: a photo, an empty file, a link into nowhere or to an original, a FIFO."""
    HEAD.rotate(180).save("original.png")
    for make in (
        lambda path: HEAD.rotate(180).save(path),
        lambda path: path.touch(),
        lambda path: path.symlink_to("nowhere.png"),
        lambda path: path.symlink_to("original.png"),
        lambda path: os.link("original.png", path),
        os.mkfifo,
    ):
        target = tmp_path / "me-happiness-tiny.png"
        make(target)
        before = identity(target)
        line = refused("me.png", by=edit)
        why = "exists and was not written by this command; choose another name, or add --overwrite to replace it"
        assert line == f"me-happiness-tiny.png {why}"
        assert identity(target) == before
        target.unlink()


def test_overwrite_replaces_the_name_and_not_what_a_link_leads_to(edit: Command, tmp_path: Path) -> None:
    HEAD.rotate(180).save("original.png")
    before = Path("original.png").read_bytes()
    for name, make in (("a.png", Path.symlink_to), ("b.png", Path.hardlink_to)):
        make(Path(name), "original.png")
        assert edit("me.png", "-o", name, "--overwrite").code == 0
        assert not Path(name).is_symlink()
        assert read_photo(name).mark is not None
        assert Path("original.png").read_bytes() == before


def test_a_retouched_edit_is_somebody_elses(edit: Command, refused: Callable[..., str]) -> None:
    assert edit("me.png", "-o", "happy.png").code == 0
    with Path("happy.png").open("ab") as stream:
        stream.write(b"retouched")
    assert "happy.png exists and was changed since it was written" in refused("me.png", "-o", "happy.png", by=edit)


def test_a_single_photo_is_edited_once(edit: Command) -> None:
    """Typed again, the command says so and names the file on standard output all the same."""
    first = edit("me.png")
    when = Path("me-happiness-tiny.png").stat().st_mtime_ns
    again = edit("me.png")
    assert (again.code, again.out) == (0, first.out)
    assert again.err == "me.png was edited before, with the same settings; --overwrite edits it again\n"
    assert Path("me-happiness-tiny.png").stat().st_mtime_ns == when
    anew = edit("me.png", "--overwrite")
    assert (anew.code, anew.out, anew.err) == (0, first.out, "")
    assert Path("me-happiness-tiny.png").stat().st_mtime_ns > when


@pytest.mark.parametrize(
    "other",
    [
        ("--strength", "0.5"), ("--face", "1"), ("--no-provenance",), ("--part", "mouth"), ("--engine", "onnx"),
        ("--method", "morphable"),
    ],
)  # fmt: skip
def test_other_settings_do_not_replace_a_named_edit(
    edit: Command, command: Command, refused: Callable[..., str], other: tuple[str, ...]
) -> None:
    assert edit("me.png", "-o", "happy.png").code == 0
    run = edit if "--method" not in other else lambda *arguments: command("edit", *arguments, "--to", "happy")
    line = refused("me.png", "-o", "happy.png", *other, by=run)
    assert line.startswith("happy.png exists and was made with other settings; ")


def test_another_photo_or_expression_does_not_replace_a_named_edit(
    edit: Command, command: Command, refused: Callable[..., str], weights: Path
) -> None:
    HEAD.rotate(5).save("other.png")
    assert edit("me.png", "-o", "happy.png").code == 0
    assert "happy.png exists and was made from something else" in refused("other.png", "-o", "happy.png", by=edit)
    wish = ("edit", "me.png", "--to", "surprise", "--weights", weights, "-o", "happy.png")
    assert "happy.png exists and was made with other settings" in refused(*wish)


def test_default_names_tell_the_settings(edit: Command, command: Command, weights: Path) -> None:
    calls = {
        "me-happiness-tiny.png": (),
        "me-happiness-mouth-tiny.png": ("--part", "mouth"),
        "me-happiness-0.5-tiny.png": ("--strength", "0.50"),
        "me-happiness-face1-tiny.png": ("--face", "1"),
    }
    for name, options in calls.items():
        assert edit("me.png", *options).out == f"{name}\n"
    assert command("edit", "me.png", "--to", "happy", "--method", "relief").out == "me-happiness-relief.png\n"
    assert len(list(Path().glob("me-*.png"))) == 5


def test_a_receipt_is_added_to_an_edit_and_replaces_nothing_else(edit: Command, refused: Callable[..., str]) -> None:
    assert edit("me.png").code == 0
    mine = Path("me-happiness-tiny-receipt.json")
    mine.write_text("a list of mine")
    assert f"{mine} exists and was not written by this command" in refused("me.png", "--receipt", by=edit)
    mine.unlink()
    assert edit("me.png", "--receipt").code == 0
    assert json.loads(mine.read_text())["expression"] == "happiness"
    assert edit("me.png").err == "me.png was edited before, with the same settings; --overwrite edits it again\n"


def test_an_album_keeps_originals_that_are_named_like_edits(edit: Command, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    HEAD.save(album / "cory.png")
    HEAD.rotate(4).save(album / "cory-happiness-tiny.png")
    before = (album / "cory-happiness-tiny.png").read_bytes()
    result = edit("album", "--workers", "1")
    assert result.code == 1
    assert "cory-happiness-tiny.png exists and was not written by this command" in result.err
    assert (album / "cory-happiness-tiny.png").read_bytes() == before
    assert (album / "cory-happiness-tiny-happiness-tiny.png").is_file()  # a photo like any other
    line = edit("album", "--overwrite").err
    assert "cory-happiness-tiny.png is one of the photos to edit; choose another --out" in line
    assert (album / "cory-happiness-tiny.png").read_bytes() == before


def test_edits_without_a_mark_are_known_by_the_journal(edit: Command, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    HEAD.save(tmp_path / "album" / "a.png")
    wish = ("album", "--no-provenance")
    assert edit(*wish).code == 0
    again = edit(*wish)
    assert (again.code, again.out) == (0, "")
    assert "1  is an edit itself; name it by itself to edit it all the same" in again.err
    assert edit(*wish, "--overwrite").code == 0
    assert sorted(path.name for path in (tmp_path / "album").iterdir()) == [
        OWNERSHIP_JOURNAL,
        "a-happiness-tiny.png",
        "a.png",
    ]


def test_edits_among_several_names_are_left_alone(edit: Command) -> None:
    """As a shell makes them of `*.png`, also on the second day; one that is named by itself is edited."""
    HEAD.rotate(3).save("you.png")
    faint = ("--strength", "0.1")  # so that there is a face to be found again
    assert edit("me.png", "you.png", *faint).code == 0
    names = sorted(str(path) for path in Path().glob("*.png"))
    result = edit(*names, *faint)
    assert (result.code, result.out) == (0, "")
    assert "2  edited before, with the same settings" in result.err
    assert "2  is an edit itself; name it by itself to edit it all the same" in result.err
    alone = edit("me-happiness-0.1-tiny.png")
    assert alone.out == "me-happiness-0.1-tiny-happiness-tiny.png\n"
    assert alone.err == "me-happiness-0.1-tiny.png is an edit itself (facial expression edited to happiness)\n"


def test_photos_of_one_name_are_told_apart(edit: Command, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for name in ("anim.gif", "anim.bmp", "b.png"):
        HEAD.save(album / name)
    result = edit("album")
    assert result.code == 0, result.err
    made = sorted(path.name for path in album.glob("*-happiness*"))
    assert made == ["anim-bmp-happiness-tiny.png", "anim-gif-happiness-tiny.png", "b-happiness-tiny.png"]


def test_what_comes_from_standard_input_is_told_apart(weights: Path, tmp_path: Path) -> None:
    call = [sys.executable, "-m", "facerelief", "edit", "-", "--to", "happy", "--weights", str(weights), "-o", "a.png"]
    for turn, code, said in ((0, 0, ""), (0, 0, "edited before"), (5, 2, "a.png exists and was made from something")):
        HEAD.rotate(turn).save(tmp_path / "in.png")
        with (tmp_path / "in.png").open("rb") as stream:
            done = subprocess.run(call, stdin=stream, capture_output=True, cwd=tmp_path, text=True)
        assert done.returncode == code
        assert said in done.stderr


@pytest.mark.parametrize("kind", ["folder", "FIFO", "link"])
def test_a_journal_that_cannot_be_written_is_no_reason_to_lose_an_edit(edit: Command, kind: str) -> None:
    mine = Path("mine.txt")
    mine.write_text("mine")
    {"folder": Path.mkdir, "FIFO": os.mkfifo, "link": lambda path: path.symlink_to(mine)}[kind](Path(OWNERSHIP_JOURNAL))
    result = edit("me.png")
    assert (result.code, result.out) == (0, "me-happiness-tiny.png\n")
    assert result.err.count("\n") == 1
    assert f"cannot write {OWNERSHIP_JOURNAL}: " in result.err
    assert "free space" not in result.err
    assert "files of this command are not recognized as its own" in result.err
    assert mine.read_text() == "mine"
    assert edit("me.png").code == 2  # and so it is safe


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_batch_that_is_killed_again_and_again_ends_whole(tmp_path: Path) -> None:
    """At moments that differ, also between a file and its note; nothing is half-written, left over or refused."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for k in range(6):
        Image.fromarray(np.roll(np.asarray(HEAD), k, axis=0)).save(folder / f"head{k}.png")
    call = [sys.executable, "-m", "facerelief", "edit", "in", "--to", "happy,fear", "-o", "out", "--workers", "1"]
    call += ["--method", "morphable"]
    for wanted in (1, 4, 7):
        with subprocess.Popen(call, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:
            while len(list(out.glob("[!.]*"))) < wanted and run.poll() is None:
                time.sleep(0.001)
            run.send_signal(signal.SIGKILL)
    for path in out.glob("[!.]*"):
        read_photo(path)  # whole
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in out.iterdir())
    assert names == [OWNERSHIP_JOURNAL, *(f"head{k}-{to}.png" for k in range(6) for to in ("fear", "happiness"))]
    assert set(read_written(out)) == set(names[1:])
