"""The pictures of a dataset, which may be somebody else's: PNG files of a bounded size and nothing else."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facerelief.errors import DatasetError
from facerelief.files import read_file

MAX_SIDE = 1024  # pixels, at most; crops have 64 to 256
_LARGEST = 8_000_000  # bytes of a file
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP, _RGB = 2, 2  # the filter, and the type of colour, as PNG numbers them
_DAMAGE = (OSError, SyntaxError, ValueError, LookupError, EOFError, struct.error, zlib.error)  # of Pillow's PNG reader


def read_png(path: Path, mode: str | None = None) -> NDArray[Any]:
    """The pixels of a PNG file, (H, W) or (H, W, C), converted to one of Pillow's modes where one is named.

    Raises:
        DatasetError: It is absent, damaged, something else, or has more than `MAX_SIDE` pixels a side.
    """
    try:
        data = read_file(path, _LARGEST)
        if not data.startswith(_SIGNATURE):
            raise ValueError("not a PNG file")
        _check_side(*struct.unpack(">II", data[16:24]))  # before Pillow sees it, which would warn of it
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            _check_side(*image.size)  # a second header may say another
            return np.asarray(image if mode is None else image.convert(mode))
    except (*_DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning) as reason:
        why = (reason.strerror if isinstance(reason, OSError) else "") or str(reason) or type(reason).__name__
        raise DatasetError(f"{path} cannot be read ({why}); build the dataset again") from reason


def write_png(path: Path, levels: NDArray[Any]) -> None:
    """Write pixels as a PNG file in half of Pillow's time: each row as its difference from the one above.

    Args:
        path: The file.
        levels: Grey (H, W), uint8 or uint16, or RGB (H, W, 3), uint8.

    Raises:
        OSError: The file cannot be written.
    """
    wide = levels.dtype == np.uint16
    rows = np.ascontiguousarray(levels.astype(">u2") if wide else levels).view(np.uint8).reshape(len(levels), -1)
    filtered = np.empty((len(rows), 1 + rows.shape[1]), dtype=np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    kind = struct.pack(">IIBBBBB", *levels.shape[1::-1], 16 if wide else 8, _RGB if levels.ndim == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", kind), (b"IDAT", zlib.compress(filtered.data, 1)), (b"IEND", b""))
    path.write_bytes(_SIGNATURE + b"".join(_chunk(name, data) for name, data in parts))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))


def _check_side(width: int, height: int) -> None:
    if not 0 < min(width, height) <= max(width, height) <= MAX_SIDE:
        raise ValueError(f"{width} x {height} pixels, of {MAX_SIDE} that a side may have")
