"""A dataset's portraits to learn a morphable face from: kept training photos seen from the front."""

from pathlib import Path

import numpy as np

from facerelief.data.manifest import Sample, read_samples
from facerelief.errors import DatasetError
from facerelief.faces.alignment import Crop
from facerelief.files.arrays import read_npz
from facerelief.geometry.morphable.learning.learn import Portrait
from facerelief.geometry.png import read_png

MOST_YAW, MOST_PITCH = 20.0, 25.0  # degrees
_LEAST = 1e-9  # of a matrix' determinant


class DatasetPortraits:
    """`geometry.morphable.learn.Portraits` of a dataset on disk; pictures are read when they are asked for."""

    def __init__(self, dataset: Path) -> None:
        """Raises `DatasetError` where there are none, or their meshes are damaged."""
        self._dataset = dataset
        self.samples = [s for s in read_samples(dataset) if _fits(s)]
        if not self.samples:
            raise DatasetError(
                f"{dataset} has no kept training photos from the front; see: facerelief dataset stats {dataset}"
            )
        meshes = [read_mesh(dataset / s.mesh) for s in self.samples]
        self.landmarks = np.stack([landmarks for landmarks, _, _ in meshes])
        self._crops = [(matrix, size) for _, matrix, size in meshes]
        self.expression = np.array([s.expression for s in self.samples])
        self.identity = np.array([s.identity for s in self.samples])
        self.coloured = np.array([s.chroma for s in self.samples])

    def __getitem__(self, row: int) -> Portrait:
        """One portrait. Raises `DatasetError` where its picture cannot be read."""
        rgb = read_png(self._dataset / self.samples[row].file_name, "RGB")
        matrix, size = self._crops[row]
        return Portrait(rgb, Crop(matrix, len(rgb)), size)


def _fits(sample: Sample) -> bool:
    return sample.keep and sample.split == "train" and abs(sample.yaw) < MOST_YAW and abs(sample.pitch) < MOST_PITCH


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Landmarks (468, 3), matrix (2, 3) and photo size of a sample's mesh file. Raises `DatasetError`."""
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
