"""`facerelief edit` on many photos, from everywhere: what goes on after an interruption, and what is done again."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from photos import astronaut
from PIL import Image
from servers import Page, serving

from facerelief.editing.jobs import photo_job as files_module
from facerelief.editing.jobs.outputs import STDOUT
from facerelief.faces.detector import LandmarkFinder
from facerelief.files.ownership import OWNERSHIP_JOURNAL
from facerelief.photos.photo import Photo, read_photo
from facerelief.photos.provenance.xmp import mark_edit

Command = Callable
HEAD = Image.fromarray(astronaut()[:230, 110:340])


@pytest.fixture
def quick(finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """One finder, since loading it takes longer than an edit."""
    monkeypatch.setattr(files_module, "load_finder", lambda **_: finder)


def write_heads(folder: Path, count: int) -> list[Path]:
    """Photos of one head, each shifted by some pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"head{k:02}.png" for k in range(count)]
    for k, path in enumerate(paths):
        Image.fromarray(np.roll(np.asarray(HEAD), k, axis=0)).save(path)
    return paths


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def states(result: Any) -> dict[str, int]:
    """The table's numbers."""
    rows = [line.split() for line in result.err.splitlines() if line.startswith(("edited ", "skipped ", "failed "))]
    found: dict[str, int] = {}
    for row in rows:
        found[row[0]] = found.get(row[0], 0) + int(row[1])
    return found


# -- going on -------------------------------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(command: Command, tmp_path: Path, weights: Path, quick: None) -> None:
    out = tmp_path / "out"
    write_heads(tmp_path / "in", 3)
    call = ("edit", tmp_path / "in", "--to", "happy,surprise", "--weights", weights, "-o", out)
    assert states(command(*call)) == {"edited": 3}
    first = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert len(first) == 6
    again = command(*call)
    assert (again.code, states(again)) == (0, {"edited": 0, "skipped": 3})
    assert {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")} == first

    (out / "head00-happiness-tiny.png").unlink()  # lost
    result = command(*call)
    assert states(result) == {"edited": 1, "skipped": 2}
    assert [Path(line).name for line in result.out.splitlines()] == ["head00-happiness-tiny.png"]


@pytest.mark.parametrize("options", [("--strength", "0.5"), ("--method", "morphable"), ("--overwrite",)])
def test_other_settings_are_another_edit(
    command: Command, tmp_path: Path, weights: Path, quick: None, options: tuple[str, ...]
) -> None:
    write_heads(tmp_path / "in", 2)
    call = ["edit", tmp_path / "in", "--to", "happy", "-o", tmp_path / "out"]
    network = ["--weights", weights]
    assert states(command(*call, *network)) == {"edited": 2}
    assert states(command(*call, *network)) == {"edited": 0, "skipped": 2}
    assert states(command(*call, *options, *([] if "morphable" in options else network))) == {"edited": 2}


def test_a_damaged_journal_is_no_reason_to_stop(command: Command, tmp_path: Path, weights: Path, quick: None) -> None:
    write_heads(tmp_path / "in", 3)
    call = ("edit", tmp_path / "in", "--to", "happy", "--weights", weights, "-o", tmp_path / "out")
    command(*call)
    journal = tmp_path / "out" / OWNERSHIP_JOURNAL
    first, second, third = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + b"\xff{]\n[1, 2]\n{}\n" + second + third[:-30])  # the last is cut off, as by a kill
    result = command(*call)  # what is no longer known is nobody's to replace
    assert (result.code, states(result)) == (1, {"edited": 0, "skipped": 2, "failed": 1})
    assert "was not written by this command; choose another name, or add --overwrite" in result.err
    assert states(command(*call, "--overwrite")) == {"edited": 3}
    assert states(command(*call)) == {"edited": 0, "skipped": 3}


def test_edits_in_a_folder_are_not_edited_again(command: Command, tmp_path: Path, quick: None) -> None:
    """The second run finds the first one's edits beside the photos, and knows them by their mark."""
    write_heads(tmp_path / "in", 2)
    call = ("edit", tmp_path / "in", "--to", "happy", "--method", "morphable")
    assert states(command(*call)) == {"edited": 2}
    result = command(*call)
    assert states(result) == {"edited": 0, "skipped": 4}
    result = command(*call[:3], "surprise", *call[4:])
    assert states(result) == {"edited": 2, "skipped": 2}
    assert "2  is an edit itself; name it by itself to edit it all the same" in result.err
    named = command("edit", tmp_path / "in" / "head00-happiness.png", "--to", "neutral")
    assert named.code == 0  # asked for by name


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_batch_that_is_killed_goes_on(tmp_path: Path) -> None:
    """Sixteen photos over two processes; killed when some are written, and typed again."""
    write_heads(tmp_path / "in", 16)
    out, blank = tmp_path / "out", tmp_path / "in" / "head15.png"
    Image.new("RGB", (90, 90)).save(blank)
    call = [sys.executable, "-m", "facerelief", "edit", "in", "--to", "happy", "-o", "out", "--workers", "2"]
    with subprocess.Popen(call, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while not (out / OWNERSHIP_JOURNAL).is_file() and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"edited  {15 - len(before):>7}  " in done.stderr
    assert f"skipped {len(before):>7}  edited before, with the same settings" in done.stderr
    assert "failed        1  in/head15.png: no face found" in done.stderr
    assert "Traceback" not in done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("[!.]*")}
    assert len(after) == 15
    assert sum(before.get(name) == when for name, when in after.items()) == len(before)


# -- from everywhere ------------------------------------------------------------------------------------------------


def test_from_standard_input_to_standard_output(weights: Path, tmp_path: Path) -> None:
    """As in a pipe: the picture and nothing else."""
    call = [sys.executable, "-m", "facerelief", "edit", "-", "--to", "happy", "--weights", str(weights)]
    done = subprocess.run(call, input=png(HEAD), capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    piped = read_photo(done.stdout)
    assert (piped.format, piped.mark is not None) == ("PNG", True)


@pytest.mark.parametrize(("source", "written"), [("JPEG", "JPEG"), ("WEBP", "WEBP"), ("GIF", "PNG"), ("", "PNG")])
def test_standard_output_has_the_photos_own_format(monkeypatch: pytest.MonkeyPatch, source: str, written: str) -> None:
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stream))
    mark = mark_edit(None, "fear", ())
    files_module.write_picture(Photo(np.asarray(HEAD), format=source, mark=mark), STDOUT, True)
    found = read_photo(stream.getvalue())
    assert (found.format, found.mark) == (written, mark)


def test_from_the_web(command: Command, refused: Callable[..., str], tmp_path: Path, weights: Path, quick: None,
                      monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with serving({"/p/me.png": Page(png(HEAD)), "/..%2f..%2fout.png": Page(png(HEAD))}) as root:
        call = ("--to", "happy", "--weights", weights)
        assert "of a private network, which is not fetched" in refused("edit", f"{root}/p/me.png", *call)
        result = command("edit", f"{root}/p/me.png", *call, "--allow-private-urls")
        assert (result.code, result.out) == (0, "me-happiness-tiny.png\n")
        result = command("edit", f"{root}/..%2f..%2fout.png", *call, "--allow-private-urls")
        assert (result.code, result.out) == (0, "out-happiness-tiny.png\n")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        OWNERSHIP_JOURNAL,
        "me-happiness-tiny.png",
        "out-happiness-tiny.png",
    ]


def test_the_face_at_a_point(command: Command, tmp_path: Path, weights: Path, quick: None) -> None:
    pair = Image.new("RGB", (480, 240), "grey")
    pair.paste(HEAD, (5, 5))
    pair.paste(HEAD.resize((200, 200)), (260, 20))
    pair.save(tmp_path / "pair.png")
    before = np.asarray(pair)
    for point, (left, right) in {"110,120": (True, False), "350,120": (False, True)}.items():
        target = tmp_path / f"{point}.png"
        result = command(
            "edit", tmp_path / "pair.png", "--to", "happy", "--face", point, "--weights", weights, "-o", target
        )
        assert result.code == 0, result.err
        moved = (read_photo(target).rgb != before).any(axis=2)
        assert (bool(moved[:, :240].any()), bool(moved[:, 240:].any())) == (left, right)


def test_a_folder_into_a_folder_keeps_its_order(command: Command, tmp_path: Path, weights: Path, quick: None) -> None:
    write_heads(tmp_path / "in" / "one", 1)
    write_heads(tmp_path / "in" / "two", 1)
    result = command("edit", tmp_path / "in", "--to", "happy", "--weights", weights, "-o", tmp_path / "out")
    assert result.code == 0, result.err
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    assert found == ["one/head00-happiness-tiny.png", "two/head00-happiness-tiny.png"]


def test_what_is_beside_edits_is_made_again_and_not_edited(quick: None, command: Command, tmp_path: Path) -> None:
    album = write_heads(tmp_path / "album", 2)[0].parent
    wish = ("edit", album, "--to", "happiness", "--receipt", "--save-depth", "--method", "morphable")
    assert states(command(*wish)) == {"edited": 2}
    names = sorted(path.name for path in album.iterdir())
    assert len(names) == 2 + 2 * 5 + 1  # photos; edits with two of depth and two of a receipt; the journal
    assert states(command(*wish)) == {"edited": 0, "skipped": 4}
    (album / "head00-happiness-receipt.json").unlink()
    assert states(command(*wish)) == {"edited": 1, "skipped": 3}
    assert sorted(path.name for path in album.iterdir()) == names


def test_a_folder_with_nothing_but_an_edit_says_so(quick: None, command: Command, tmp_path: Path) -> None:
    (photo,) = write_heads(tmp_path, 1)
    album = tmp_path / "album"
    album.mkdir()
    assert command("edit", photo, "--to", "fear", "-o", album / "me.png", "--method", "morphable").code == 0
    result = command("edit", album, "--to", "anger", "--method", "morphable")
    assert (result.code, result.out) == (0, "")
    assert result.err.strip().endswith("me.png is an edit itself; name it by itself to edit it all the same")


def test_the_wish_to_end_is_heeded_as_ctrl_c_is(tmp_path: Path) -> None:
    album = write_heads(tmp_path / "album", 40)[0].parent
    call = [sys.executable, "-m", "facerelief", "edit", str(album), "--to", "all", "-o", str(tmp_path / "out")]
    run = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "out").glob("*.png")):
        time.sleep(0.1)
        assert run.poll() is None
    run.send_signal(signal.SIGTERM)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    last = said.strip().splitlines()[-1]
    assert re.fullmatch(r"facerelief: interrupted; .* (are kept|are done); run the same command again to resume", last)
    assert "leaked" not in said
