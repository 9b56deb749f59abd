"""The square, turned region of a photo that the face mesh is shown, and the way back of its landmarks."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Float64, Floats
from facerelief.faces.landmarks.detection import Detection, intersection_over_union
from facerelief.faces.landmarks.sampling import sample

MESH_SIDE = 192  # pixels of the face mesh's input
_MARGIN = 1.5  # of a face's longer side
_RIGHT_EYE, _LEFT_EYE = 33, 263  # outer corners, the person's own sides: landmarks
_SAME_FACE = 0.5  # intersection over union of the regions of one face


@dataclass(frozen=True)
class Region:
    """A square around a face.

    Attributes:
        x: Of its centre, pixels.
        y: Of its centre, pixels.
        side: Pixels.
        angle: Of the head in the picture, radians, clockwise.

    Example:
        >>> Region(50.0, 40.0, 96.0, 0.0).to_photo(np.array([[0.0, 192.0, 20.0]])).tolist()
        [[2.0, 88.0, -10.0]]
    """

    x: float
    y: float
    side: float
    angle: float

    @property
    def box(self) -> Float64:
        """x0, y0, x1, y1 of the region before it is turned."""
        return np.array([-0.5, -0.5, 0.5, 0.5]) * self.side + (self.x, self.y, self.x, self.y)

    def turned(self) -> "Region":
        """The same square for a head that stands the other way up."""
        return Region(self.x, self.y, self.side, self.angle + np.pi)

    def cut(self, rgb: RGB) -> RGB:
        """The region of a photo, upright, (192, 192, 3)."""
        steps = (np.arange(MESH_SIDE) / MESH_SIDE - 0.5) * self.side
        across, down = np.cos(self.angle) * steps, np.sin(self.angle) * steps
        return sample(rgb, self.x + across - down[:, None], self.y + down + across[:, None])

    def to_photo(self, points: Floats) -> Float64:
        """Landmarks (N, 3) in the photo, + z towards the viewer, from those of the face mesh (pixels of its input)."""
        x, y = ((points[:, axis] / MESH_SIDE - 0.5) * self.side for axis in (0, 1))
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        z = points[:, 2] * (-self.side / MESH_SIDE)
        return np.column_stack([self.x + cos * x - sin * y, self.y + sin * x + cos * y, z]).astype(np.float64)


def region_of_detection(found: Detection, side: float, left: float, top: float) -> Region:
    """The region of a detected face.

    Args:
        found: In fractions of a square.
        side: The square's, in pixels of the photo.
        left: Where the square starts, pixels.
        top: Where the square starts, pixels.
    """
    x0, y0, x1, y1 = (found.box * side - (left, top, left, top)).tolist()
    right, down = (found.eyes[1] - found.eyes[0]).tolist()
    return Region((x0 + x1) / 2, (y0 + y1) / 2, _MARGIN * max(x1 - x0, y1 - y0), float(np.arctan2(down, right)))


def region_of_landmarks(landmarks: Floats) -> Region:
    """The region of a face whose landmarks (468, 2 or more) are known, pixels."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    right, down = (landmarks[_LEFT_EYE, :2] - landmarks[_RIGHT_EYE, :2]).tolist()
    x, y = ((low + high) / 2).tolist()
    return Region(x, y, _MARGIN * float((high - low).max()), float(np.arctan2(down, right)))


def distinct(regions: list[Region]) -> list[Region]:
    """Regions of which no two show the same face; the later of two is kept, as MediaPipe does."""
    kept: list[Region] = []
    for one in regions:
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        apart = intersection_over_union(boxes, one.box) <= _SAME_FACE
        kept = [other for other, stays in zip(kept, apart, strict=True) if stays] + [one]
    return kept
