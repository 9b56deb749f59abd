"""A dataset's portraits to learn a morphable model from: kept training photos seen from the front."""

from pathlib import Path

import numpy as np

from facerelief.data.crops import read_alignment
from facerelief.data.manifest import Sample, read_samples
from facerelief.errors import DatasetError
from facerelief.faces.alignment import Crop
from facerelief.files.png import read_png
from facerelief.geometry.morphable.learning.portraits import Portrait

MOST_YAW, MOST_PITCH = 20.0, 25.0  # degrees


class DatasetPortraits:
    """`geometry.morphable.learning.Portraits` of a dataset on disk; pictures are read when they are asked for."""

    def __init__(self, dataset: Path) -> None:
        """Raises `DatasetError` if there are none, or their meshes are damaged."""
        self._dataset = dataset
        self.samples = [s for s in read_samples(dataset) if _fits(s)]
        if not self.samples:
            raise DatasetError(
                f"{dataset} has no kept training photos from the front; see: facerelief dataset stats {dataset}"
            )
        meshes = [read_alignment(dataset / s.mesh) for s in self.samples]
        self.landmarks = np.stack([landmarks for landmarks, _, _ in meshes])
        self._crops = [(matrix, size) for _, matrix, size in meshes]
        self.expression = np.array([s.expression for s in self.samples])
        self.identity = np.array([s.identity for s in self.samples])
        self.pose = np.array([(s.yaw, s.pitch) for s in self.samples])
        self.coloured = np.array([s.chroma for s in self.samples])

    def __getitem__(self, row: int) -> Portrait:
        """One portrait. Raises `DatasetError` where its picture cannot be read."""
        rgb = read_png(self._dataset / self.samples[row].file_name, "RGB")
        matrix, size = self._crops[row]
        return Portrait(rgb, Crop(matrix, len(rgb)), size)


def _fits(sample: Sample) -> bool:
    return sample.keep and sample.split == "train" and abs(sample.yaw) < MOST_YAW and abs(sample.pitch) < MOST_PITCH
