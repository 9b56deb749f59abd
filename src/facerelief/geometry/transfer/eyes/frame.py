"""The frame of an eye: a small square crop around it, the eyes level, about as fine as the photo."""

import numpy as np

from facerelief.array_types import Floats
from facerelief.faces.alignment import Crop, align, inter_ocular

SIDE = 0.84  # inter-ocular distances, of the frame's side
_ABOVE = 0.06  # the same, by which the frame's centre is above the eye's
_LEAST, _MOST = 96, 384  # pixels along the frame's side


def eye_frame(landmarks: Floats, corners: tuple[int, int]) -> Crop:
    """The frame of the eye between two corners; landmarks: (468, 2 or 3), pixels of the photo."""
    unit = inter_ocular(landmarks)
    size = int(np.clip(round(SIDE * unit), _LEAST, _MOST))
    level = align(landmarks, 1).matrix
    linear = level[:, :2] / np.hypot(level[0, 0], level[1, 0]) * size / (SIDE * unit)
    centre = linear @ landmarks[list(corners), :2].mean(axis=0) - (0, _ABOVE * size / SIDE)
    return Crop(np.column_stack([linear, size / 2 - centre]), size)
