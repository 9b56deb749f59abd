"""A claimed place takes a file only where nothing is, or what was written for the same thing before."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from facerelief.errors import FacereliefError
from facerelief.files import atomic, write_text
from facerelief.files.ownership import OWNERSHIP_JOURNAL, Claim, WrittenFile, claimed, read_written


def claim(path: Path, settings: str = "s", *, overwrite: bool = False) -> Claim:
    known = read_written(path.parent).get(path.name, ())
    return Claim(path, "source", settings, "fear", known, overwrite=overwrite)


def write(path: Path, text: str, settings: str = "s", *, overwrite: bool = False) -> Claim:
    one = claim(path, settings, overwrite=overwrite)
    one.check()
    with claimed([one]):
        write_text(path, text)
    return one


def write_slowly(one: Claim) -> None:
    """And meanwhile somebody else writes there."""
    with claimed([one]), atomic(one.path) as part:
        part.write_text("new")
        one.path.write_text("mine")


def test_what_was_written_may_be_written_again_while_it_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "one")
    write(path, "two")
    assert path.read_text() == "two"
    path.write_text("mine")
    with pytest.raises(FacereliefError, match="changed since it was written"):
        write(path, "three")
    with pytest.raises(FacereliefError, match="changed since it was written"):
        write(path, "three", "other")
    assert path.read_text() == "mine"
    write(path, "four", overwrite=True)
    with pytest.raises(FacereliefError, match="was made with other settings"):
        write(path, "five", "other")
    assert path.read_text() == "four"


def test_what_appears_while_it_is_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    one = claim(path)
    one.check()
    with pytest.raises(FacereliefError, match="exists and was not written by this command"):
        write_slowly(one)
    assert path.read_text() == "mine"
    assert sorted(tmp_path.iterdir()) == [tmp_path / OWNERSHIP_JOURNAL, path]


def test_what_is_changed_while_it_is_written_anew_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write(path, "one")
    one = claim(path)
    one.check()
    with pytest.raises(FacereliefError, match="changed since"):
        write_slowly(one)
    assert path.read_text() == "mine"


def test_two_processes_of_one_command_agree(tmp_path: Path) -> None:
    """The second finds what the first wrote meanwhile, and is content; and the first that is written stays."""
    path = tmp_path / "a.txt"
    one = claim(path)
    with claimed([one]), atomic(path) as part:
        part.write_text("second")
        write(path, "first")
    assert path.read_text() == "first"


def test_what_another_process_of_the_same_command_has_written_since_is_no_obstacle(tmp_path: Path) -> None:
    """The journal is read again before anything is refused, and what it tells of others still counts."""
    path = tmp_path / "a.txt"
    one, other = claim(path), claim(path, "other")
    write(path, "first")
    one.check()
    assert one.is_ours() and one.was_made()
    with pytest.raises(FacereliefError, match="was made with other settings"):
        other.check()
    path.write_text("mine")
    with pytest.raises(FacereliefError, match="was changed since it was written"):
        claim(path).check()


def test_file_systems_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write(tmp_path / "a.txt", "one")
    assert (tmp_path / "a.txt").read_text() == "one"
    (tmp_path / "b.txt").write_text("mine")
    one = Claim(tmp_path / "b.txt", "", "s")
    with pytest.raises(FacereliefError, match="exists"), claimed([one]):
        write_text(tmp_path / "b.txt", "new")
    assert (tmp_path / "b.txt").read_text() == "mine"


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FacereliefError, match="Is a directory"):
        claim(tmp_path / "a", overwrite=True).check()


def test_the_note_comes_before_the_file(tmp_path: Path) -> None:
    """A process that ends in between leaves no file that is taken for somebody else's."""
    code = f"""
import os
from pathlib import Path
from facerelief.files import ownership, write_text
ownership.rename_new = lambda *_: os._exit(9)
path = Path({str(tmp_path / "a.txt")!r})
with ownership.claimed([ownership.Claim(path, "source", "s", "fear")]):
    write_text(path, "one")
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert [one.settings for one in read_written(tmp_path)["a.txt"]] == ["s"]
    assert not (tmp_path / "a.txt").exists()
    assert write(tmp_path / "a.txt", "one").is_ours()


def test_a_last_step_is_done_before_the_file_gets_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    one = claim(path)
    one.finish = lambda part: part.write_text(part.read_text() + ", signed") and None
    with claimed([one]):
        write_text(path, "one")
    assert path.read_text() == "one, signed"
    assert claim(path).is_ours()


def test_lines_of_others_count_for_nothing(tmp_path: Path) -> None:
    old = dataclasses.asdict(WrittenFile("a-fear.txt", "source", "s", "made", "fear"))
    deep = "[" * 100_000
    lines = [json.dumps(old), "{}", "7", deep, json.dumps(old | {"name": 7}), '{"name": "cut']
    (tmp_path / OWNERSHIP_JOURNAL).write_bytes("\n".join(lines).encode() + b"\n\xff\n")
    (known,) = read_written(tmp_path)["a-fear.txt"]
    assert Claim(tmp_path / "a-fear.txt", "source", "s", "fear", [known]).was_made()
    assert not Claim(tmp_path / "a-fear.txt", "source", "s", "anger", [known]).was_made()
