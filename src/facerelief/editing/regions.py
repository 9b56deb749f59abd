"""Where on a face an edit may change it."""

import numpy as np

from facerelief.array_types import Float32, Mask
from facerelief.easing import smoothstep
from facerelief.errors import FacereliefError
from facerelief.faces.alignment import Crop, inter_ocular
from facerelief.faces.detector import Face
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import blurred_mask
from facerelief.geometry.topology import CHIN, LIPS, OUTLINE

WHOLE = "face"
PARTS = (WHOLE, "eyes", "mouth")  # what an edit may be limited to: all of it; eyes and brows; all below them
_LOWER_LIDS, _UNDER_NOSE = (145, 374), 2  # landmarks
_SEAM = (0.45, 0.9)  # of the way from the lower lids to the nose's end: from below glasses, down to the cheeks
_NOSE = (6, 122, 198, 129, 61, 17, 291, 358, 420, 351)  # from its root along its wings to the corners of the mouth
_AROUND_NOSE = np.array([1.25, 1.1])
_AROUND = np.array([1.35, 1.6])  # of the mouth's width and height
_FALLS = 0.2  # inter-ocular distances, by which an expression lowers the chin
_SOFT = 0.09  # inter-ocular distances: deviation of the blur of masks of the mouth and the nose


def face_mask(crop: Crop, face: Face) -> Mask:
    """Soft mask (S, S) in [0, 1]: the face's outline, widened a little and feathered; 0 at the border."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[list(OUTLINE), :2]
    centre = points.mean(axis=0)
    inside = polygon_mask(centre + (points - centre) * 1.08, crop.size)
    feathered = blurred_mask(inside, crop.size * 0.04)
    edge = np.minimum(np.arange(crop.size), np.arange(crop.size)[::-1]) / (crop.size * 0.06)
    fade = np.clip(np.minimum(edge[:, None], edge[None, :]), 0, 1)
    return feathered * fade.astype(np.float32)


def around_mouth(crop: Crop, face: Face) -> Mask:
    """Soft mask (S, S) in [0, 1]: the mouth, skin around it, and the chin, as far as it falls with the jaw."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[:, :2]
    lips = points[list(LIPS)]
    centre = lips.mean(axis=0)
    unit = inter_ocular(points)
    drops = np.linspace(0, points[CHIN, 1] - centre[1] + _FALLS * unit, 10)
    whole = np.max([polygon_mask(centre + (lips - centre) * _AROUND + (0, drop), crop.size) for drop in drops], axis=0)
    return blurred_mask(whole, _SOFT * unit)


def around_nose(crop: Crop, face: Face) -> Mask:
    """Soft mask (S, S) in [0, 1]: the nose, the mouth, and the nasolabial folds between them."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[:, :2]
    nose = points[list(_NOSE)]
    centre = nose.mean(axis=0)
    around = polygon_mask(centre + (nose - centre) * _AROUND_NOSE, crop.size)
    return blurred_mask(around, _SOFT * inter_ocular(points))


def part_mask(crop: Crop, face: Face, part: str) -> Float32:
    """Soft mask (S, S, 1) of a part of a face, or (1, 1, 1) where it is 1 all over; "eyes" and "mouth" add up to 1."""
    if part == WHOLE:
        return np.ones((1, 1, 1), dtype=np.float32)
    points = crop.to_crop(face.landmarks.astype(np.float64))[:, 1]
    lids, nose = points[list(_LOWER_LIDS)].mean(), points[_UNDER_NOSE]
    down = (np.arange(crop.size) + 0.5 - lids) / max(nose - lids, 1.0)
    below = smoothstep((down - _SEAM[0]) / (_SEAM[1] - _SEAM[0])).astype(np.float32)
    share = below if part == "mouth" else 1 - below
    return np.broadcast_to(share[:, None, None], (crop.size, crop.size, 1))


def check_part(part: str) -> str:
    """A part of `PARTS`. Raises `FacereliefError` that lists them."""
    if part not in PARTS:
        raise FacereliefError(f"no part {part!r} of a face; choose from {', '.join(PARTS)}")
    return part
