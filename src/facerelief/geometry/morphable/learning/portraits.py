"""Portraits to learn a face from, and their pictures in the UV map."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facerelief.array_types import RGB, Bool, Floats, Landmarks
from facerelief.faces.alignment import Crop, inter_ocular
from facerelief.geometry.morphable.learning.shape import Text
from facerelief.geometry.morphable.uv_map import UVMap, mouth_mask, sample_bilinear, with_border_ring

_SEEN_OPEN = 0.05  # between the lips, in inter-ocular distances, from which the mouth's inside is seen


@dataclass(frozen=True)
class Portrait:
    """One photo's face.

    Attributes:
        rgb: (S, S, 3), its crop.
        crop: How that was cut.
        photo_size: Width and height of the photo.
    """

    rgb: RGB
    crop: Crop
    photo_size: tuple[int, int]


class Portraits(Protocol):
    """Photos of faces.

    Attributes:
        landmarks: (N, 468, 3), crop pixels.
        expression: (N,), text.
        identity: (N,), text.
        pose: (N, 2), yaw and pitch, degrees.
        coloured: (N,), mean distance from grey, in levels.
    """

    landmarks: Floats
    expression: Text
    identity: Text
    pose: Floats
    coloured: Floats

    def __getitem__(self, row: int) -> Portrait:
        """One of them."""
        ...


class UVPictures:
    """Pictures of portraits in the UV map; the inside of a mouth counts as seen where it is open."""

    def __init__(self, portraits: Portraits, uv_map: UVMap) -> None:
        gap = portraits.landmarks[:, 14, 1] - portraits.landmarks[:, 13, 1]
        unit = np.array([inter_ocular(points) for points in portraits.landmarks])
        self._closed, self._inside = gap < _SEEN_OPEN * unit, mouth_mask(uv_map)
        self._portraits, self._uv_map = portraits, uv_map

    def __getitem__(self, row: int) -> tuple[Floats, Bool]:
        """A portrait's levels in [0, 1], float32 (A, A, 3), and which of the map's pixels its photo shows."""
        rgb, seen = _to_uv_map(self._portraits[row], self._portraits.landmarks[row], self._uv_map)
        return rgb, seen & ~(self._inside & self._closed[row])


def _to_uv_map(portrait: Portrait, landmarks: Landmarks, uv_map: UVMap) -> tuple[Floats, Bool]:
    points = uv_map.interpolate(with_border_ring(landmarks, landmarks)[:, :2])
    in_photo = portrait.crop.to_photo(points.reshape(-1, 2)).reshape(points.shape)
    seen = np.asarray(((in_photo >= 0) & (in_photo <= portrait.photo_size)).all(axis=2))
    return sample_bilinear(portrait.rgb.astype(np.float32) / 255, points), seen
