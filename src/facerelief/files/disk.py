"""Files as users name them: only regular ones are read, and what is written is whole or absent."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from facerelief.errors import FacereliefError, shown

_KINDS = {
    stat.S_IFIFO: "a FIFO, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


def open_file(path: Path | str) -> BufferedReader:
    """A regular file, or a link to one, open for reading in binary; never waits for a FIFO's other end.

    Raises `OSError` whose `strerror` tells what it is otherwise ("a FIFO, not a file"), `IsADirectoryError` for a
    folder, and as `open`; `ValueError` for a name with a null character.
    """
    _check_kind(os.stat(path).st_mode, path)  # before it is opened: opening alone makes some devices act
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_kind(os.fstat(handle).st_mode, path)  # what was opened, should the name have been given away meanwhile
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_file(path: Path | str, most: int | None = None) -> bytes:
    """A regular file's bytes; raises as `open_file`, and `OSError` where there are more than `most`."""
    with open_file(path) as stream:
        data = stream.read(-1 if most is None else most + 1)
    if most is not None and len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most // 1_000_000} MB", str(path))
    return data


def check_file(path: Path | str) -> None:
    """For libraries that open by name: raises as `open_file` where a path is no regular file."""
    open_file(path).close()


def _check_kind(mode: int, path: Path | str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _KINDS.get(stat.S_IFMT(mode), "not a file"), str(path))


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder, which replaces `path` when the block succeeds.

    The temporary name keeps `path`'s suffix, since many writers choose the format by it. Temporary files that killed
    processes left in the folder are removed.
    Raises `FacereliefError` where the folder cannot be written or the disk is full, where `path` is a device or FIFO
    (whoever may write everywhere would replace `/dev/null` for all) or a name that no file can have, and what a
    `guarded` place raises.
    """
    try:
        _check_replaceable(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        temporary, handle = _partial(path)
    except ValueError as reason:
        raise FacereliefError(f"{shown(str(path))} cannot be a file's name ({reason}); choose another") from reason
    except OSError as reason:
        raise FacereliefError(f"cannot write {path}: {reason.strerror or reason}; choose another place") from reason
    try:
        yield temporary
        _places.get(_place_of(path), os.replace)(temporary, path)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write {path}: {reason.strerror or reason}; free space or choose another place"
        ) from reason
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


def _check_replaceable(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        _check_kind(os.stat(path).st_mode, path)


_places: dict[str, Callable[[Path, Path], None]] = {}  # how files of some names get them, in place of `os.replace`


@contextlib.contextmanager
def guarded(path: Path, place: Callable[[Path, Path], None]) -> Iterator[None]:
    """In the block `place(temporary, path)` decides how `atomic` gives a finished file its name."""
    key = _place_of(path)
    before = _places.get(key)
    _places[key] = place
    try:
        yield
    finally:
        if before is None:
            del _places[key]
        else:
            _places[key] = before


def _place_of(path: Path) -> str:
    """A name for a place; a link that stands there is not followed."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def move_new(temporary: Path, path: Path) -> None:
    """Give a file a name that nothing has. Raises `FileExistsError` where something came to have it meanwhile."""
    try:
        os.link(temporary, path)
        temporary.unlink()
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, path)


def _partial(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, and its handle, which locks it: a partial file that nobody locks is of a dead process.

    The lock ends with the process, however that ends. The system gives it the rights of any new file: the process's
    umask cannot be asked for without setting it, for all threads.
    """
    while True:
        temporary = path.parent / f"{_PREFIX}{secrets.token_hex(4)}{path.suffix}"
        with contextlib.suppress(FileExistsError):
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            with contextlib.suppress(OSError):  # some file systems have no locks
                _flock(handle, wait=True)
            if temporary.exists():  # else another process swept it away before it was locked
                return temporary, handle
            os.close(handle)


_PREFIX = ".partial-"
_PARTIAL = re.compile(r"\.partial-[a-z0-9_]{8}(\.[^.]*)?")  # `_` in those of earlier versions
_swept: set[str] = set()  # folders; each is looked through once by a process


def is_partial(name: str) -> bool:
    """Whether `atomic` gives such a name to what is not finished."""
    return _PARTIAL.fullmatch(name) is not None


def _sweep(folder: Path) -> None:
    """Remove the partial files of a folder that processes left which were killed. Those at work lock theirs."""
    key = os.path.realpath(folder)
    if key in _swept:
        return
    _swept.add(key)
    with contextlib.suppress(OSError):  # folders may be written that may not be read
        left = [one.path for one in os.scandir(folder) if is_partial(one.name) and not one.is_symlink()]
        for path in left:
            with contextlib.suppress(OSError):  # locked, a folder, of someone else, or gone
                _remove_unlocked(path)


def _remove_unlocked(path: str) -> None:
    """Remove a file. Raises `OSError` where a process has locked it, or locks are not to be had."""
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            _flock(handle, wait=False)
            os.unlink(path)
    finally:
        os.close(handle)


def _flock(handle: int, *, wait: bool) -> None:
    import fcntl  # of Unix alone

    fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


_at_work: dict[str, tuple[int, int]] = {}  # this process's folders: the lock's handle, and how often it was taken


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder that is worked in; the lock ends with the block, or with the process.

    Raises `FacereliefError` where another process is at work in it.
    """
    key = os.path.realpath(folder)
    handle, times = _at_work.get(key, (-1, 0))
    if not times:
        handle = _locked(folder)
    _at_work[key] = handle, times + 1
    try:
        yield
    finally:
        handle, times = _at_work.pop(key)
        if times > 1:
            _at_work[key] = handle, times - 1
        else:
            os.close(handle)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write to {folder}: {reason.strerror or reason}; choose another place"
        ) from reason
    try:
        _flock(handle, wait=False)
    except BlockingIOError as reason:
        os.close(handle)
        raise FacereliefError(
            f"another process is at work in {folder}; wait for it, or choose another folder"
        ) from reason
    except OSError:  # some file systems have no locks
        pass
    return handle


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; bytes of names that are none are spelled out, as JSON does it."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
