"""An eye as a photo shows it."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.faces.alignment import Crop, inter_ocular
from facerelief.geometry.filters import ndimage
from facerelief.geometry.topology import BROWS, lid_curves
from facerelief.geometry.transfer.eyes.frame import eye_frame
from facerelief.geometry.transfer.eyes.iris import Iris, find_iris
from facerelief.geometry.transfer.eyes.lids import Lids, landmark_lids, seen_lids

_SMOOTH = 0.07  # inter-ocular distances: deviation of a Gaussian along the eyebrow's edge


@dataclass(frozen=True, eq=False)
class Eye:
    """An eye of a photo.

    Attributes:
        frame: The small crop around it that all else refers to, S pixels a side.
        pixels: (S, S, 3), the frame's.
        unit: Its pixels to an inter-ocular distance.
        landmarks: (2, 9, 2), of the upper and the lower lid, from the left to the right corner, frame pixels.
        lids: The edges of its opening.
        brow: (S,), the lower edge of the eyebrow in each column, frame pixels.
        iris: The iris.
    """

    frame: Crop
    pixels: RGB
    unit: float
    landmarks: Floats
    lids: Lids
    brow: Floats
    iris: Iris


def seen_eyes(rgb: RGB, landmarks: Landmarks) -> tuple[Eye, ...]:
    """The eyes of a photo (H, W, 3) with landmarks (468, 3): the one on the left in the picture, then the other."""
    points = landmarks.astype(np.float64)
    return tuple(_seen_eye(rgb, points, side) for side in range(2))


def _seen_eye(rgb: RGB, points: Floats, side: int) -> Eye:
    rims = np.array(lid_curves()[side])
    frame = eye_frame(points, (int(rims[0, 0]), int(rims[0, -1])))
    pixels, unit = frame.cut(rgb), frame.scale * inter_ocular(points)
    luma = pixels @ LUMA
    edges = np.stack([frame.to_crop(points[rim])[:, :2] for rim in rims])
    lids = seen_lids(luma, landmark_lids(edges[0], edges[1], frame.size), unit)
    brow = frame.to_crop(points[list(BROWS[side])])[:, :2]
    columns = np.arange(frame.size) + 0.5
    near = np.abs(columns[:, None] - brow[:, 0]) + 3 * (brow[:, 1].max() - brow[:, 1])
    lowest = ndimage().gaussian_filter1d(brow[np.argmin(near, axis=1), 1], _SMOOTH * unit, mode="nearest")
    return Eye(frame, pixels, unit, edges, lids, lowest, find_iris(luma, lids, unit))
