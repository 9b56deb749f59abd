"""Arrays in NumPy's files, perhaps somebody else's: nothing is unpickled, and no more read than expected."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.files import check_file, open_file

LARGEST = 512 << 20  # bytes of an archive's arrays together
DAMAGE = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, OverflowError, RuntimeError),
    *(SyntaxError, tokenize.TokenError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)  # what a damaged file makes NumPy raise


def read_npz(path: Path, largest: int = LARGEST) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by their names.

    Raises `ValueError` where it is damaged, or holds more than `largest` bytes; `OSError` where it cannot be read.
    """
    with open_file(path) as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > largest:
                raise ValueError(f"{size >> 20} MiB of arrays, of {largest >> 20} that are read")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
        except DAMAGE as reason:
            raise ValueError(str(reason).splitlines()[0] if str(reason) else type(reason).__name__) from reason


def map_npy(path: Path, kind: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An .npy file as a read-only array that stays on disk.

    Raises `ValueError` where it is damaged or not of this type and shape, `OSError` where it cannot be read.
    """
    check_file(path)
    try:
        # `np.load` would take archives too
        array: np.ndarray = np.lib.format.open_memmap(path, mode="r")  # type: ignore[no-untyped-call]
    except DAMAGE as reason:
        raise ValueError(str(reason).splitlines()[0] if str(reason) else type(reason).__name__) from reason
    if array.dtype != kind or array.shape != shape:
        raise ValueError(f"{path.name} is {array.dtype} {array.shape}, not {np.dtype(kind)} {shape}")
    return array
