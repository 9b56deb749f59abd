"""The frame of an eye: a small square crop around it, the eyes level, about as fine as the photo."""

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.faces.alignment import Crop, align, inter_ocular
from facerelief.geometry.filters import gaussian

EYE_SIDE = 0.84  # inter-ocular distances, of the frame's side
_ABOVE = 0.06  # the same, by which the frame's centre is above the eye's
_LEAST, _MOST = 96, 384  # pixels along the frame's side


def eye_frame(landmarks: Floats, corners: tuple[int, int]) -> Crop:
    """The frame of the eye between two corners; landmarks: (468, 2 or 3), pixels of the photo."""
    unit = inter_ocular(landmarks)
    size = int(np.clip(round(EYE_SIDE * unit), _LEAST, _MOST))
    level = align(landmarks, 1).matrix
    linear = level[:, :2] / np.hypot(level[0, 0], level[1, 0]) * size / (EYE_SIDE * unit)
    centre = linear @ landmarks[list(corners), :2].mean(axis=0) - (0, _ABOVE * size / EYE_SIDE)
    return Crop(np.column_stack([linear, size / 2 - centre]), size)


def frame_places(size: int) -> Float32:
    """The centres (S, S, 2) of a frame's pixels, right and down."""
    centres = np.arange(size, dtype=np.float32) + np.float32(0.5)
    return np.dstack(np.meshgrid(centres, centres))


def blur(values: Floats, down: float, along: float | None = None) -> Float32:
    """Maps (S, S, C), blurred by Gaussians of a deviation, in pixels, and of another along rows."""
    deviations = (down, down if along is None else along, 0)
    return gaussian(values.astype(np.float32), deviations, truncate=3.0)
