"""Reading of regular files only, and atomic writing."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from facerelief.errors import FacereliefError, shown
from facerelief.files.locks import LOCK_FILE, lock_file

_NOT_FILES = {
    stat.S_IFIFO: "a FIFO, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}


def open_file(path: Path | str) -> BufferedReader:
    """Open a regular file, or a link to one, for binary reading; never blocks on a FIFO.

    Raises:
        IsADirectoryError: It is a folder.
        OSError: As `open`, and for other things, with `strerror` such as "a FIFO, not a file".
        ValueError: The name has a null character.
    """
    _check_kind(os.stat(path).st_mode, path)  # before it is opened, which has effects on some devices
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_kind(os.fstat(handle).st_mode, path)  # again, in case the name was replaced meanwhile
        return os.fdopen(handle, "rb")
    except OSError:
        os.close(handle)
        raise


def read_file(path: Path | str, most: int | None = None) -> bytes:
    """A regular file's bytes.

    Args:
        path: The file.
        most: The limit in bytes; by default none.

    Raises:
        OSError: As `open_file`, or the file is larger than `most`.
        ValueError: As `open_file`.
    """
    with open_file(path) as stream:
        data = stream.read(-1 if most is None else most + 1)
    if most is not None and len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most // 1_000_000} MB", str(path))
    return data


def check_file(path: Path | str) -> None:
    """Raises as `open_file` if a path is not a regular file; for libraries that open files by name."""
    open_file(path).close()


def _check_kind(mode: int, path: Path | str) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _NOT_FILES.get(stat.S_IFMT(mode), "not a file"), str(path))


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path in `path`'s folder, which replaces `path` when the block succeeds.

    The temporary name keeps `path`'s suffix, by which many writers choose the format. Temporary files that killed
    processes left in the folder are removed.

    Raises:
        FacereliefError: The folder cannot be written, the disk is full, `path` is a device or FIFO (root would replace
            `/dev/null` for all), or not a valid name. Also what `override_replace` raises.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic(path) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> path.read_text()
        'whole'
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
    lock = contextlib.ExitStack()
    lock.callback(os.close, handle)
    try:
        yield temporary
        if sys.platform == "win32":  # which renames no open files
            lock.close()
        _replacers.get(_key(path), os.replace)(temporary, path)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write {path}: {reason.strerror or reason}; free space or choose another place"
        ) from reason
    finally:
        lock.close()
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raises `FacereliefError` if no file can be created where `path` is to be, before the work for it is done."""
    try:
        folder = next(one for one in path.absolute().parents if os.path.lexists(one))
        if str(folder) not in _writable:
            with tempfile.TemporaryFile(dir=folder, prefix=_PREFIX):
                _writable.add(str(folder))
    except ValueError as reason:
        raise FacereliefError(f"{shown(str(path))} cannot be a file's name ({reason}); choose another") from reason
    except OSError as reason:
        raise FacereliefError(f"cannot write {path}: {reason.strerror or reason}; choose another place") from reason


_writable: set[str] = set()  # folders that `check_writable` found so


def _check_replaceable(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        _check_kind(os.stat(path).st_mode, path)


_replacers: dict[str, Callable[[Path, Path], None]] = {}  # by path, what is called in place of `os.replace`


@contextlib.contextmanager
def override_replace(path: Path, replace: Callable[[Path, Path], None]) -> Iterator[None]:
    """In the block, `atomic` finishes a file by another function than `os.replace`.

    Args:
        path: The file; other files are not affected.
        replace: Called as `replace(temporary, path)` with the written temporary file, which it must move to `path`.
            `OSError` is turned into `FacereliefError` by `atomic`; other errors pass.
    """
    key = _key(path)
    before = _replacers.get(key)
    _replacers[key] = replace
    try:
        yield
    finally:
        if before is None:
            del _replacers[key]
        else:
            _replacers[key] = before


def _key(path: Path) -> str:
    """The resolved path; the last part may be a link."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def rename_new(temporary: Path, path: Path) -> None:
    """Rename a file, but never over another one. Raises `FileExistsError` if `path` exists."""
    try:
        os.link(temporary, path)
        temporary.unlink()
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, path)


def _partial(path: Path) -> tuple[Path, int]:
    """Create a temporary file beside `path`; returns it and its handle, which holds a lock until the process ends.

    So an unlocked partial file belongs to a dead process. It is created with the usual permissions, because the umask
    cannot be read without setting it for all threads.
    """
    while True:
        temporary = path.parent / f"{_PREFIX}{secrets.token_hex(4)}{path.suffix}"
        with contextlib.suppress(FileExistsError):
            handle = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            with contextlib.suppress(OSError):  # some file systems have no locks
                lock_file(handle, wait=True)
            if temporary.exists():  # otherwise another process removed it before it was locked
                return temporary, handle
            os.close(handle)


_PREFIX = ".partial-"
_PARTIAL = re.compile(r"\.partial-[a-z0-9_]{8}(\.[^.]*)?")  # `_` in those of earlier versions
_swept: set[str] = set()  # folders that this process has swept


def is_partial(name: str) -> bool:
    """Whether a name is that of a temporary file of `atomic`, or of a lock."""
    return _PARTIAL.fullmatch(name) is not None or name == LOCK_FILE


def _sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder; those of running processes are locked."""
    key = os.path.realpath(folder)
    if key in _swept:
        return
    _swept.add(key)
    with contextlib.suppress(OSError):  # a folder may be writable but not readable
        left = [one.path for one in os.scandir(folder) if is_partial(one.name) and not one.is_symlink()]
        for path in left:
            with contextlib.suppress(OSError):  # locked, a folder, another user's, or gone
                _remove_unlocked(path)


def _remove_unlocked(path: str) -> None:
    """Remove a file. Raises `OSError` if it is locked, or locks are not supported."""
    if sys.platform == "win32":
        os.unlink(path)  # which Windows refuses while the file is open
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            lock_file(handle, wait=False)
            os.unlink(path)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; undecodable bytes of file names are escaped."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open_file(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
