"""The aligned crop of a sample, and where its landmarks are in it."""

from pathlib import Path

import numpy as np

from facerelief.data.manifest import Sample
from facerelief.errors import DatasetError
from facerelief.files.arrays import read_npz
from facerelief.files.png import read_png

_LEAST = 1e-9  # of a matrix' determinant


def read_alignment(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Read a sample's mesh file.

    Returns:
        Landmarks (468, 3) in crop pixels, the matrix (2, 3) from photo to crop, and width and height of the photo.

    Raises:
        DatasetError: The file is absent, damaged or from an earlier version.
    """
    try:
        arrays = read_npz(path)
        landmarks, matrix = arrays["landmarks"].astype(np.float64), arrays["matrix"].astype(np.float64)
        width, height = (int(side) for side in arrays["photo_size"])
    except KeyError as reason:
        raise DatasetError(f"{path} is from an earlier version ({reason.args[0]}); build the dataset again") from reason
    except (OSError, ValueError, TypeError, OverflowError) as reason:
        raise DatasetError(f"{path} cannot be read ({reason}); build the dataset again") from reason
    if landmarks.shape != (468, 3) or not np.isfinite(landmarks).all():
        raise DatasetError(f"{path} does not hold 468 finite landmarks; build the dataset again")
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:, :2])) < _LEAST:
        raise DatasetError(f"{path} does not say how the photo became the crop; build the dataset again")
    return landmarks, matrix, (width, height)


def read_crop(dataset: Path, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """A sample's crop uint8 (H, W, 3) and its landmarks (468, 3) in crop pixels. Raises `DatasetError`."""
    return read_png(dataset / sample.file_name, "RGB"), read_alignment(dataset / sample.mesh)[0]
