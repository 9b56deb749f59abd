"""The average of several faces: their pictures, warped to their mean shape, and averaged."""

from collections.abc import Sequence

import numpy as np

from facerelief.array_types import RGB, Float64, Floats, Landmarks
from facerelief.faces.bicubic import sample_bicubic
from facerelief.geometry.transfer.expression_transfer import backward_flow


class AverageFace:
    """Averages faces, one after the other.

    Example:
        >>> from facerelief.faces.alignment import align
        >>> from facerelief.geometry.morphable.model import load_face
        >>> shape = align(load_face().mean, 64).to_crop(load_face().mean.astype(np.float64))
        >>> average = AverageFace([shape, shape], 64)
        >>> for level in (100, 140):
        ...     average.add(np.full((64, 64, 3), level, np.uint8), shape)
        >>> int(average.picture[32, 32, 0])
        120
    """

    def __init__(self, shapes: Sequence[Landmarks], size: int) -> None:
        """Make one.

        Args:
            shapes: (468, 3) each, landmarks of all faces, in pixels of their aligned crops.
            size: S, the crops' side.
        """
        self.shape: Floats = np.mean(shapes, axis=0)
        self._size, self._count = size, 0
        self._sum: Float64 = np.zeros((size, size, 3))

    def add(self, crop: RGB, shape: Landmarks) -> None:
        """Add a face: its aligned crop (S, S, 3), and its landmarks (468, 3) there."""
        self._sum += warp_to_shape(crop, shape, self.shape)
        self._count += 1

    @property
    def picture(self) -> RGB:
        """(S, S, 3), of at least one face."""
        return np.clip(np.rint(self._sum / self._count), 0, 255).astype(np.uint8)


def warp_to_shape(crop: RGB, source: Landmarks, target: Landmarks) -> Floats:
    """A crop (S, S, 3) warped so that its landmarks (468, 3) go to others; beside the face it fades to no warp."""
    size = len(crop)
    flow, _ = backward_flow(source.astype(np.float64), target.astype(np.float64), size)
    at = np.arange(size) + 0.5
    points = flow + np.dstack(np.meshgrid(at, at))
    return sample_bicubic(crop, points.astype(np.float32))
