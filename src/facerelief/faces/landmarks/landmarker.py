"""From a photo to landmarks by the package's networks, step by step as MediaPipe's face mesh does it."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from facerelief.array_types import RGB, Float64
from facerelief.faces.landmarks.detection import Detection, full_range, short_range
from facerelief.faces.landmarks.networks import FACE_MESH, load_network
from facerelief.faces.landmarks.regions import Region, distinct, region_of_detection, region_of_landmarks
from facerelief.faces.landmarks.sampling import sample

# Finds points in a photo (H, W, 3), which is searched in a square; a border is added around it, a fraction of its side.
# Gives, for each face, points (N, 3) in pixels of the photo, z towards the viewer.
Landmarker: TypeAlias = Callable[[RGB, float], list[np.ndarray]]
SURE, UNSURE = 0.5, 0.3  # least scores of detections; the second where the first finds no face
FAR = 0.6  # least score of far faces: MediaPipe uses it whatever it is told
MAX_FACES = 20  # in one picture
_PRESENT = 0.5  # of the face mesh: what it was shown is a face
# Log odds of the same: below the first the face may stand on its head, from the second on it does. Of 28 faces upright
# ones have at least 14, and the same upside down at most 12, in a region that takes them for upright.
_DOUBTFUL, _SURELY_TURNED = 13.0, 14.0
_APPROACHES = 3


class NetworkLandmarker:
    """Near faces with their landmarks. Thread-safe."""

    def __init__(self) -> None:
        """Raises `CheckpointError` where a network's file is missing or damaged."""
        self._detect, self._mesh = short_range(), load_network(FACE_MESH)

    def __call__(self, rgb: RGB, border: float) -> list[Float64]:
        """Landmarks (468, 3) of each face, in pixels of the photo (H, W, 3).

        Args:
            rgb: The photo.
            border: What is added around the square that holds it, as a fraction of its side.
        """
        square = _Square(rgb, border)
        for found in self._detect(square.sampled(self._detect.side), SURE, UNSURE):
            regions = distinct([square.region(one) for one in found[:MAX_FACES]])
            if landmarks := [points for points in self._landmarks(rgb, regions) if points is not None]:
                return landmarks
        return []

    def _landmarks(self, rgb: RGB, regions: list[Region]) -> list[Float64 | None]:
        """Of the face in each region; None where there is none."""
        if not regions:
            return []
        points, presence = self._mesh(np.stack([region.cut(rgb) for region in regions]))
        found: list[Float64 | None] = []
        for region, one, sure in zip(regions, points, presence.tolist(), strict=True):
            upright = region.to_photo(one) if sure > np.log(_PRESENT / (1 - _PRESENT)) else None
            found.append(self._upside_down(rgb, region) if sure < _DOUBTFUL else upright)
            found[-1] = upright if found[-1] is None else found[-1]
        return found

    def _upside_down(self, rgb: RGB, region: Region) -> Float64 | None:
        """The landmarks of a face that stands on its head; None where there is none."""
        turned, sure = region.turned(), 0.0
        for _ in range(_APPROACHES):  # the detector puts the box of such a face too high
            (points,), (sure,) = self._mesh(turned.cut(rgb)[None])
            landmarks = turned.to_photo(points)
            turned = region_of_landmarks(landmarks)
        is_turned = np.cos(turned.angle - region.angle) < 0
        return landmarks if is_turned and sure > _SURELY_TURNED else None


class FarFaceProposer:
    """Boxes around faces that are small in a picture, two corners each. Thread-safe."""

    def __init__(self) -> None:
        """Raises `CheckpointError` where the network's file is missing or damaged."""
        self._detect = full_range()

    def __call__(self, rgb: RGB, border: float) -> list[Float64]:
        """Two corners (2, 3) of the box around each face, z 0, in pixels of the photo; `border` as above."""
        square = _Square(rgb, border)
        (found,) = self._detect(square.sampled(self._detect.side), FAR)
        return [square.corners(one) for one in found]


class _Square:
    """The square around a photo that a detector is shown; beyond the photo its border is repeated."""

    def __init__(self, rgb: RGB, border: float) -> None:
        height, width = rgb.shape[:2]
        self._rgb = rgb
        self.side = round((1 + 2 * border) * max(height, width))
        self.top, self.left = (self.side - height) // 2, (self.side - width) // 2

    def sampled(self, side: int) -> RGB:
        """The square in another size."""
        step, rest = divmod(self.side, side)
        if not rest and self._rgb.shape[:2] == (self.side, self.side):  # samples are pixels: a window is 384 a side
            return np.ascontiguousarray(self._rgb[::step, ::step])
        places = np.arange(side) * (self.side / side)
        return sample(self._rgb, places[None] - self.left, places[:, None] - self.top)

    def region(self, found: Detection) -> Region:
        return region_of_detection(found, self.side, self.left, self.top)

    def corners(self, found: Detection) -> Float64:
        corners = found.box.reshape(2, 2) * self.side - (self.left, self.top)
        return np.column_stack([corners, np.zeros(2)])
