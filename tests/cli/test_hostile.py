"""Every hostile input through `facerelief edit`: a line that says what is wrong, and nothing else happens."""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import corpus
from hostile_words import HOSTILE_URLS, hostile_names

from facerelief.api import FaceEditor
from facerelief.cli import main
from facerelief.editing import load_editor
from facerelief.editing.jobs import photo_job as files_module
from facerelief.errors import FacereliefError
from facerelief.faces.detector import LandmarkFinder

Command = Callable


@pytest.fixture
def room(tmp_path: Path, finder: LandmarkFinder, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, deep enough that what leaves it is found."""
    monkeypatch.setattr(files_module, "load_finder", lambda **_: finder)
    place = tmp_path / "a" / "b" / "room"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def test_there_are_many() -> None:
    assert len(corpus()) + len(HOSTILE_URLS) >= 150
    assert callable(main)


def test_a_batch_of_all_of_them(command: Command, room: Path, tmp_path: Path, weights: Path) -> None:
    """And one good photo among them: it alone is edited."""
    from photos import astronaut
    from PIL import Image

    named = []
    for k, (name, content) in enumerate(corpus()):
        (room / f"{k:03}").mkdir()
        (room / f"{k:03}" / name).write_bytes(content)
        named.append(f"{k:03}/{name}")
    (room / "good").mkdir()
    Image.fromarray(astronaut()[:230, 110:340]).save(room / "good" / "me.png")
    before = set(tmp_path.rglob("*"))
    result = command("edit", *named, "good/me.png", "--to", "happy", "--weights", weights, "--workers", 1)
    assert result.code == 1
    assert "Traceback" not in result.err and "fault of the program" not in result.err
    made = {path.relative_to(room).as_posix() for path in set(tmp_path.rglob("*")) - before}
    assert made == {f"good/me-happiness-{weights.parent.name}.png", "good/.facerelief.jsonl"}
    assert f"facerelief: {len(named)} of {len(named) + 1} were not edited" in result.err
    assert f"edited  {1:>7}  1 files written" in result.err
    failures = [line for line in result.err.splitlines() if line.startswith("facerelief: ")]
    assert len(failures) == len(named) + 1  # one line each, whatever is in the name
    assert not {"\x1b", "\u202e"} & {*result.err}
    remedies = (
        "give a ", "copy or download it again", "shrink it", "use a photo with a face", "export it as JPEG",
        "copy it", "save it again", "use a larger photo", "use a video with", "give another video", "give an MP4",
    )  # fmt: skip
    without = [line for line in failures[:-1] if not any(remedy in line for remedy in remedies)]
    assert not without


def test_the_same_from_python(room: Path, tmp_path: Path, weights: Path, finder: LandmarkFinder) -> None:
    """A third of them and all endless ones, by path and by bytes: the library's error, one line, nothing written."""
    editor = FaceEditor(lambda: load_editor(weights, finder))
    some = [one for k, one in enumerate(corpus()) if k % 3 == 0 or one[0].startswith("endless")]
    for k, (name, content) in enumerate(some):
        path = room / f"{k:03}" / name
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(FacereliefError) as caught:
            editor.edit(path if k % 2 else content, "fear")
        assert "\n" not in str(caught.value).replace(str(path), ""), name
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == k + 1


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_addresses(refused: Callable[..., str], room: Path, weights: Path, url: str) -> None:
    line = refused("edit", url, "--to", "happy", "--weights", weights)
    assert "Traceback" not in line


@pytest.mark.parametrize("name", [name for name in hostile_names() if name != "-" and not {"\0", "\ud800"} & {*name}])
def test_names_of_what_is_not_there(command: Command, room: Path, tmp_path: Path, weights: Path, name: str) -> None:
    """As an input and as a place to write to; nothing is written."""
    before = set(tmp_path.rglob("*"))
    for arguments in (["--", name], [f"--out={name}", "absent.png"]):
        result = command("edit", "--to", "happy", "--weights", weights, *arguments)
        assert result.code == 2
        assert result.err.startswith("facerelief: ") and result.err.count("\n") == 1
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name != "posix", reason="special files")
def test_files_that_are_none(refused: Callable[..., str], room: Path, tmp_path: Path, weights: Path) -> None:
    (room / "loop.png").symlink_to(room / "loop.png")
    (room / "dangling.png").symlink_to("nowhere.png")
    (room / "folder.png").mkdir()
    for name in ("loop.png", "dangling.png", "folder.png", "/dev/null"):
        assert refused("edit", name, "--to", "happy", "--weights", weights)


@pytest.mark.skipif(os.name != "posix", reason="special files")
def test_nobody_waits_for_what_is_no_file(program: Command, tmp_path: Path, weights: Path) -> None:
    """In a process of its own, which is killed where it does wait."""
    names = ["fifo.png", "fifo.mp4"]
    for name in names:
        os.mkfifo(tmp_path / name)
    result = program("edit", *names, "/dev/zero", "--to", "happy", "--weights", weights, cwd=tmp_path, timeout=300)
    assert result.code in (1, 2) and "Traceback" not in result.err
    for name, kind in ((names[0], "FIFO"), (names[1], "FIFO"), ("/dev/zero", "device")):
        assert f"facerelief: {name} cannot be opened (a {kind}, not a file); check the name" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files, and limits of memory")
def test_gigabytes_behind_a_photo_are_one_line(program: Command, tmp_path: Path, weights: Path) -> None:
    """By a process that may have 3 GB of addresses, libraries included."""
    photo = tmp_path / "large.jpg"
    photo.write_bytes(dict(corpus())["noise.jpg"])
    os.truncate(photo, 4_000_000_000)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (3 << 30, 3 << 30))

    result = program("edit", photo, "--to", "happy", "--weights", weights, preexec_fn=limit, timeout=300)
    assert result.code in (1, 2)
    assert f"facerelief: {photo} is larger than 500 MB; shrink it\n" in result.err


def test_patterns_cannot_leave_by_a_photos_name(command: Command, room: Path, tmp_path: Path, weights: Path) -> None:
    from photos import astronaut
    from PIL import Image

    Image.fromarray(astronaut()[:230, 110:340]).save(room / "...png", "PNG")
    result = command("edit", "...png", "--to", "happy", "--weights", weights, "-o", "out/{name}/{expression}.png")
    assert result.code == 0, result.err
    assert (room / "out" / "photo" / "happiness.png").is_file()
