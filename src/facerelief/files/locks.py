"""Locks between processes: of an open file, and of a folder. They end with the process, also when it is killed."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from facerelief.errors import FacereliefError

# Of Windows, which opens no folders: a file in the folder is locked in the folder's place.
LOCK_FILE = ".facerelief.lock"
_PAUSE = 0.1  # seconds until a lock is tried again on Windows
_LAST_BYTE = 2**31 - 1  # Windows hides locked bytes from other processes; this one is beyond what is written

_locks: dict[str, tuple[int, int]] = {}  # by folder: the lock's handle, and how often it is held


@contextlib.contextmanager
def lock_folder(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock a folder against other processes, until the end of the block or the process. May be nested.

    Args:
        folder: The folder; made where it is absent.
        wait: Wait while another process has locked it.

    Raises:
        FacereliefError: Another process has locked it, unless `wait`, or it cannot be created.
    """
    key = os.path.realpath(folder)
    handle, times = _locks.get(key, (-1, 0))
    if not times:
        handle = _locked(folder, wait)
    _locks[key] = handle, times + 1
    try:
        yield
    finally:
        handle, times = _locks.pop(key)
        if times > 1:
            _locks[key] = handle, times - 1
        else:
            os.close(handle)


def _locked(folder: Path, wait: bool) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if sys.platform == "win32":
            handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_BINARY)
        else:
            handle = os.open(folder, os.O_RDONLY)
    except OSError as reason:
        raise FacereliefError(
            f"cannot write to {folder}: {reason.strerror or reason}; choose another place"
        ) from reason
    try:
        lock_file(handle, wait=wait)
    except BlockingIOError as reason:
        os.close(handle)
        raise FacereliefError(
            f"another process is working in {folder}; wait for it, or choose another folder"
        ) from reason
    except OSError:  # some file systems have no locks
        pass
    return handle


def lock_file(handle: int, *, wait: bool) -> None:
    """Lock an open file against other processes, until it is closed.

    Args:
        handle: The file's.
        wait: Wait while another process holds the lock.

    Raises:
        BlockingIOError: Another process holds it, and `wait` is False.
        OSError: The file system has no locks.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, _LAST_BYTE, os.SEEK_SET)
        try:
            while True:  # LK_LOCK would give up after ten seconds
                try:
                    return msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
                except PermissionError as reason:
                    if not wait:
                        raise BlockingIOError(reason.errno, reason.strerror) from reason
                time.sleep(_PAUSE)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
