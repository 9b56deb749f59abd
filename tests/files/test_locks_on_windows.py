"""Atomic files and locks as Windows wants them: by msvcrt, and no open file is renamed or removed.

Windows' own functions are played by POSIX record locks, which know one byte of a file as msvcrt does.
"""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from facerelief.data.arrays import create_memmap
from facerelief.editing.engines.export import write_openvino
from facerelief.errors import FacereliefError
from facerelief.files import atomic, disk, lock_folder, locks

HOLD = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 2**31 - 1)
print("locked", flush=True)
input()
"""


def _locking(handle: int, mode: int, count: int) -> None:
    """As msvcrt.locking: from the file's position on; refuses with EACCES."""
    at = os.lseek(handle, 0, os.SEEK_CUR)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | (fcntl.LOCK_NB if mode == 2 else 0), count, at)
    except OSError as reason:
        raise PermissionError(errno.EACCES, "Permission denied") from reason


def _open_here(path: str | Path) -> bool:
    mapped = any(line.split()[-1] == str(path) for line in Path("/proc/self/maps").read_text().splitlines())
    return mapped or any(os.path.realpath(f"/proc/self/fd/{one}") == str(path) for one in os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files are listed on Linux only")
    for module in (disk, locks):
        monkeypatch.setattr(module, "sys", SimpleNamespace(platform="win32"))
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_LOCK=1, LK_NBLCK=2, locking=_locking))
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(os, "O_BINARY", 0, raising=False)
    for name in ("replace", "unlink"):
        real = getattr(os, name)

        def checked(path: str | Path, *more: str | Path, real: object = real, **options: int) -> None:
            if not options:  # pytest, which tidies up, gives `dir_fd`
                assert not [one for one in (path, *more) if _open_here(one)], f"{path} or {more} is open"
            real(path, *more, **options)  # type: ignore[operator]

        monkeypatch.setattr(os, name, checked)


def test_files_are_replaced_when_they_are_closed(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with atomic(tmp_path / "note.txt") as temporary:
            temporary.write_text(text)
    assert (tmp_path / "note.txt").read_text() == "two"
    assert os.listdir(tmp_path) == ["note.txt"]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FacereliefError, match="cannot write"), atomic(tmp_path / "note.txt"):
        (tmp_path / "absent").read_text()
    assert os.listdir(tmp_path) == []


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".partial-0123abcd.txt").write_text("half")
    with atomic(tmp_path / "note.txt") as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == ["note.txt"]


def test_a_folder_is_locked_by_a_byte_of_a_file_in_it(tmp_path: Path) -> None:
    with lock_folder(tmp_path), lock_folder(tmp_path):
        assert [disk.is_partial(name) for name in os.listdir(tmp_path)] == [True]
    (held,) = tmp_path.iterdir()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "locked\n"
        with pytest.raises(FacereliefError, match="another process is working"), lock_folder(tmp_path):
            pass
        other.communicate("\n")
    with lock_folder(tmp_path):
        pass


def test_who_waits_for_a_folder_gets_it_when_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: Windows' own waiting gives up after ten seconds."""
    lock_file = tmp_path / locks.LOCK_FILE
    lock_file.touch()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, lock_file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "locked\n"
        pauses: list[float] = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 200:  # twenty seconds, if they were slept
                other.communicate("\n")

        monkeypatch.setattr(locks, "time", SimpleNamespace(sleep=pause))
        with lock_folder(tmp_path, wait=True):
            assert len(pauses) == 200


def test_an_array_is_unmapped_before_it_gets_its_name(tmp_path: Path) -> None:
    with create_memmap(tmp_path / "one.npy", np.float32, (3, 2)) as values:
        values[1] = 5
    assert np.load(tmp_path / "one.npy").tolist() == [[0, 0], [5, 5], [0, 0]]
    with pytest.raises(ZeroDivisionError), create_memmap(tmp_path / "two.npy", np.float32, (3, 2)) as values:
        values[0] = 1 / 0
    assert not (tmp_path / "two.npy").exists()


def test_a_network_for_openvino_is_written(tmp_path: Path) -> None:
    """Its two files, of which OpenVINO names one itself."""
    onnx = pytest.importorskip("onnx", reason="needs the extra engines")
    pytest.importorskip("openvino", reason="needs the extra engines")
    kind = onnx.TensorProto.FLOAT
    ends = [onnx.helper.make_tensor_value_info(name, kind, [1, 2]) for name in ("image", "edited")]
    doubled = onnx.helper.make_node("Add", ["image", "image"], ["edited"])
    graph = onnx.helper.make_graph([doubled], "double", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    path, _ = write_openvino(model.SerializeToString(), {"name": "double"}, tmp_path)
    assert path == tmp_path / "model.xml"
    assert sorted(os.listdir(tmp_path)) == ["model.bin", "model.xml"]
