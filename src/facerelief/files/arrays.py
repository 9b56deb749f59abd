"""Reading untrusted NumPy files: nothing is unpickled, and no more is read than expected."""

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from facerelief.errors import one_line
from facerelief.files import check_file, open_file

MAX_NPZ_BYTES = 512 << 20  # all arrays of an archive together
NUMPY_ERRORS = (
    *(OSError, EOFError, ValueError, LookupError, TypeError, MemoryError, OverflowError, RuntimeError),
    *(SyntaxError, tokenize.TokenError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)  # raised by NumPy for damaged files


def read_npz(path: Path, largest: int = MAX_NPZ_BYTES) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name.

    Args:
        path: The file.
        largest: The limit in bytes of all arrays together, unpacked.

    Raises:
        ValueError: It is damaged, holds pickled objects, or has more than `largest` bytes.
        OSError: It cannot be read.
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
        except NUMPY_ERRORS as reason:
            raise ValueError(one_line(reason)) from reason


def map_npy(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Memory-map an .npy file, read-only.

    Raises:
        ValueError: It is damaged or has another type or shape.
        OSError: It cannot be read.
    """
    check_file(path)
    try:
        # `np.load` would take archives too
        array: np.ndarray = np.lib.format.open_memmap(path, mode="r")
    except NUMPY_ERRORS as reason:
        raise ValueError(one_line(reason)) from reason
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{path.name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
    return array
