import errno
import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from facerelief.errors import FacereliefError
from facerelief.files import atomic, check_file, lock_folder, open_file, read_file, sha256, write_json, write_text


def one_line(caught: pytest.ExceptionInfo[FacereliefError], path: Path) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_the_file_appears_whole_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.png"
    with atomic(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".png"
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_an_exception_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    """Temporary files are private; what they become is not."""
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
    assert os.umask(before) == before


def test_the_processs_umask_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be read without being set; what other threads write meanwhile would be open to all, or stay so."""
    before = os.umask(0o077)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("the umask was set"))
            write_text(tmp_path / "new.txt", "text")
            write_text(tmp_path / "new.txt", "other text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a\0b.png", "a\ud800.png", "a\0b/c.png"])
def test_what_no_file_can_be_named_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FacereliefError, match=r"cannot be a file's name \(.*\); choose another$") as caught:
        write_text(tmp_path / name, "text")
    assert str(caught.value).isprintable()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.txt", tmp_path / "file" / "below" / "a.txt"):
        with pytest.raises(FacereliefError) as caught:
            write_text(path, "text")
        assert "choose another place" in one_line(caught, path)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_file_that_is_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.mkdir()
    with pytest.raises(FacereliefError) as caught:
        write_text(path, "text")
    one_line(caught, path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is forbidden to root")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FacereliefError) as caught:
            write_text(tmp_path / "a.txt", "text")
    finally:
        tmp_path.chmod(0o700)
    assert "Permission denied" in one_line(caught, tmp_path / "a.txt")


def test_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(FacereliefError) as caught, atomic(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "No space left on device; free space" in one_line(caught, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_readable_by_people_and_programs(tmp_path: Path) -> None:
    value = {"name": "Zoë", "steps": [1, 2], "none": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "Zoë" in text
    assert text.endswith("}\n")


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    data = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_two_processes_are_not_at_work_in_one_folder(tmp_path: Path) -> None:
    """This one may be, twice; another is told, and is let in when this one is done, or is killed."""
    code = f"from facerelief.files import lock_folder; from pathlib import Path; p = Path({str(tmp_path / 'run')!r})\n"
    attempt = [sys.executable, "-c", f"{code}with lock_folder(p): print('in')"]
    with lock_folder(tmp_path / "run"), lock_folder(tmp_path / "run"):
        refused = subprocess.run(attempt, capture_output=True, text=True, check=False)
        assert f"another process is working in {tmp_path / 'run'}; wait for it, or choose" in refused.stderr
    assert subprocess.run(attempt, capture_output=True, text=True, check=True).stdout == "in\n"
    waiting = [sys.executable, "-c", f"{code}with lock_folder(p): print('in', flush=True); input()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "in\n"
        with pytest.raises(FacereliefError, match="another process is working"), lock_folder(tmp_path / "run"):
            pass
        other.kill()
    with lock_folder(tmp_path / "run"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="special files")
def test_only_regular_files_are_read_and_nothing_is_waited_for(tmp_path: Path) -> None:
    """In a process of its own: whoever waits for a FIFO's other end cannot be told to stop."""
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "b.jpg"))
        (tmp_path / "c.jpg").mkdir()
        code = """
import sys
from facerelief.files import check_file, open_file, read_file, sha256
for name in sys.argv[1:]:
    for reader in (open_file, read_file, check_file, sha256):
        try:
            reader(name)
        except OSError as reason:
            print(name, reason.strerror)
"""
        names = ["a.jpg", "link.jpg", "b.jpg", "/dev/zero", "/dev/tty", "c.jpg", "absent.jpg"]
        call = [sys.executable, "-c", code, *names]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    kinds = ("a FIFO", "a FIFO", "a socket", "a device", "a device")
    said = [f"{kind}, not a file" for kind in kinds] + ["Is a directory", "No such file or directory"]
    expected = [f"{name} {words}" for name, words in zip(names, said, strict=True) for _ in range(4)]
    assert done.stdout.splitlines() == expected


@pytest.mark.skipif(os.name != "posix", reason="special files")
def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("pipe.txt")
    for name in ("pipe.txt", "link.txt"):
        with pytest.raises(FacereliefError, match=r"cannot write .*: a FIFO, not a file"):
            write_text(tmp_path / name, "text")
    assert (tmp_path / "pipe.txt").is_fifo() and (tmp_path / "link.txt").is_symlink()


def test_regular_files_and_links_to_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("a")
    check_file(tmp_path / "link")
    assert read_file(tmp_path / "link", most=3) == b"abc"
    with open_file(str(tmp_path / "a")) as stream:
        assert (stream.read(1), stream.seek(2), stream.read()) == (b"a", 2, b"c")
    with pytest.raises(OSError, match="larger than 0 MB"):
        read_file(tmp_path / "a", most=2)


_WRITES = "from facerelief.files import atomic; from pathlib import Path; import sys\n"


def _writer(path: Path) -> "subprocess.Popen[str]":
    """A process that is writing `path` until its standard input ends."""
    code = f"{_WRITES}with atomic(Path({str(path)!r})) as part: part.write_text('half'); print(flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "\n"
    return other


def test_what_a_killed_process_left_is_removed_by_the_next_that_writes_there(tmp_path: Path) -> None:
    """And only that: not what a living one is writing, nor files that are no partial ones."""
    kept = [".partial-notes.txt", ".partial-abcdefgh.tar.gz", "partial-abcdefgh.txt"]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / ".partial-ijklmnop.txt").symlink_to(tmp_path / kept[0])
    (tmp_path / ".partial-qrstuvwx").mkdir()
    before = set(tmp_path.iterdir())
    with _writer(tmp_path / "dead.txt") as dead:
        dead.kill()
    (left,) = set(tmp_path.iterdir()) - before
    with _writer(tmp_path / "alive.txt") as alive:
        assert not left.exists()
        (at_work,) = set(tmp_path.iterdir()) - before
        write_text(tmp_path / "new.txt", "text")
        assert set(tmp_path.iterdir()) == before | {at_work, tmp_path / "new.txt"}
        alive.communicate("\n", timeout=60)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "alive.txt", tmp_path / "new.txt"}
    assert (tmp_path / "alive.txt").read_text() == "half"


def test_many_processes_that_write_and_sweep_at_once_lose_nothing(tmp_path: Path) -> None:
    code = f"""{_WRITES}from facerelief.files import disk
for k in range(60):
    disk._swept.clear()
    with atomic(Path(sys.argv[1], sys.argv[2] + str(k) + '.txt')) as part: part.write_text('x' * k)
"""
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abcd"]
    assert [one.wait(timeout=120) for one in started] == [0] * 4
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes == {f"{name}{k}.txt": k for name in "abcd" for k in range(60)}
