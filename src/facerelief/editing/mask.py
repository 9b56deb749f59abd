"""Where on a face networks may paint."""

import numpy as np
from PIL import Image, ImageFilter

from facerelief.faces.align import Crop
from facerelief.faces.detect import Face
from facerelief.geometry.relief import polygon
from facerelief.geometry.topology import LIPS, OUTLINE

_CHIN = 152  # its lowest landmark
_AROUND = np.array([1.35, 1.6])  # of the mouth's width and height


def face_mask(crop: Crop, face: Face) -> np.ndarray:
    """Soft mask float32 (S, S) in [0, 1]: the face's outline, widened a little and feathered; 0 at the border."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[list(OUTLINE), :2]
    centre = points.mean(axis=0)
    inside = polygon(centre + (points - centre) * 1.08, crop.size)
    feathered = blurred(inside, crop.size * 0.04)
    edge = np.minimum(np.arange(crop.size), np.arange(crop.size)[::-1]) / (crop.size * 0.06)
    fade = np.clip(np.minimum(edge[:, None], edge[None, :]), 0, 1)
    return feathered * fade.astype(np.float32)


def around_mouth(crop: Crop, face: Face) -> np.ndarray:
    """Soft mask float32 (S, S) in [0, 1]: the mouth, skin around it, and the chin, which goes with the jaw."""
    points = crop.to_crop(face.landmarks.astype(np.float64))[:, :2]
    lips = points[list(LIPS)]
    centre = lips.mean(axis=0)
    drops = np.linspace(0, points[_CHIN, 1] - centre[1], 8)
    whole = np.max([polygon(centre + (lips - centre) * _AROUND + (0, drop), crop.size) for drop in drops], axis=0)
    return blurred(whole, crop.size * 0.03)


def blurred(share: np.ndarray, radius: float) -> np.ndarray:
    """A map (S, S) in [0, 1] blurred, float32."""
    levels = Image.fromarray(np.round(share * 255).astype(np.uint8))
    return np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
