"""The two folds between cheeks and lips, which a smile makes and which a photo of one shows.

They are wider than wrinkles, and one side of each is often brighter than the other, so that no narrow dark line is
there to be filled. What fills one is the light of the skin on both sides of it, joined smoothly.
"""

import numpy as np
from PIL import Image, ImageDraw

from facerelief.array_types import Float32, Floats, Landmarks
from facerelief.easing import smoothstep
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.filters import binomial_blur, gaussian, scaled_map
from facerelief.geometry.topology import LIPS, NOSE, OUTLINE
from facerelief.geometry.transfer.lips import MOUTH_CORNERS

# From the wings of the nose past the corners of the mouth to beside the chin, in MediaPipe's landmarks.
FOLDS = ((129, 203, 206, 216, 212, 202), (358, 423, 426, 436, 432, 422))
# Beside the corners of the mouth, which a smile draws out to dark wedges.
_CORNERS = ((57, 202, 204), (287, 422, 424))
# Inter-ocular distances: how far to each side of its line a fold, or a wedge, may lie, and over how much that ends; the
# same of the shadow beside a nose; of what is near to the outline of a face, and may be beside it; of the lips.
_WIDE, _WEDGE, _ENDS = 0.14, 0.07, 0.03
_BESIDE_NOSE, _NOSE_ENDS = 0.02, 0.025
_RIM = 0.1
_LIP_ENDS = 0.02
_JOINED = 0.11  # the same; deviation of what joins both sides
_COARSE = 160  # pixels a side of what is smooth
_LEAST = 1e-3  # of weight, where no skin is near that is not in a fold
# The same, by which a smile draws the corners of the mouth out and up, from which its folds count, and over which they
# do more and more. At rest it is 0.06 in 95 of 100 people at most; in smiles when asked 0.10 (median).
_SMILES, _MORE = 0.03, 0.09


def fold_band(landmarks: Floats, size: int, unit: float | None = None) -> Float32:
    """Where folds of a smile may lie.

    Args:
        landmarks: (468 or more, 2 or 3), pixels.
        size: S.
        unit: The inter-ocular distance in pixels; by default that of the landmarks.

    Returns:
        (S, S), 1 there and falling to 0 beside, at the nose, at the lips and at the outline of the face.
    """
    unit = inter_ocular(landmarks) if unit is None else unit
    side = min(size, _COARSE)
    points, scale = landmarks[:, :2] * (side / size), unit * side / size
    near = np.zeros((side, side), np.float32)
    for fold in FOLDS:
        near = np.maximum(near, _grown(points[list(fold)], side, _WIDE * scale, closed=False))
    for corner in _CORNERS:
        near = np.maximum(near, _grown(points[list(corner)], side, _WEDGE * scale, closed=False))
    beside = 1 - gaussian(_grown(points[list(NOSE)], side, _BESIDE_NOSE * scale), _NOSE_ENDS * scale)
    beside *= np.maximum(1 - 2 * gaussian(_grown(points[list(LIPS)], side, 0.0), _LIP_ENDS * scale), 0)
    band = gaussian(near, _ENDS * scale) * beside * _inside(points, side, scale)
    return np.clip(scaled_map(band, size), 0, 1)


def fold_depth(light: Float32, landmarks: Landmarks, band: Float32) -> Float32:
    """How much darker a fold is than the skin on both sides of it, joined across.

    Args:
        light: (S, S), log luminance.
        landmarks: (468, 3), its pixels.
        band: (S, S), their `fold_band`.

    Returns:
        (S, S), at least 0; 0 beside the band.
    """
    side = min(len(light), _COARSE)
    scale = side / len(light)
    unit, points = inter_ocular(landmarks) * scale, landmarks[:, :2] * scale
    skin = (1 - scaled_map(band, side)) * _inside(points, side, unit) + np.float32(_LEAST)
    skin *= 1 - _grown(points[list(LIPS)], side, _LIP_ENDS * unit)
    both = gaussian(np.dstack([skin * scaled_map(light, side), skin]), (_JOINED * unit, _JOINED * unit, 0))
    joined = scaled_map(both[..., 0] / both[..., 1], len(light))
    depth: Float32 = np.maximum(joined - binomial_blur(light), 0) * band
    return depth


def leaving_folds(shown: Floats, wanted: Floats) -> float:
    """Share of a smile's folds, 0 to 1, that leaves with it.

    Args:
        shown: (468, 3), the movement from the neutral face that a photo shows, inter-ocular distances.
        wanted: (468, 3), that of the new expression.
    """
    before, after = ((m[list(MOUTH_CORNERS), :2] * ((-1, -1), (1, -1))).sum() / 2 for m in (shown, wanted))
    return float(smoothstep((before - max(after, 0.0) - _SMILES) / _MORE))


def _inside(points: Floats, side: int, unit: float) -> Float32:
    """(side, side): 1 on a face with landmarks (468 or more, 2), falling to 0 at its outline."""
    face = _grown(points[list(OUTLINE)], side, 0.0)
    within: Float32 = 2 * np.maximum(gaussian(face, _RIM * unit) - 0.5, 0)
    return smoothstep(within)


def _grown(points: Floats, side: int, reach: float, closed: bool = True) -> Float32:
    """(side, side): 1 within `reach` pixels of a line through points (N, 2), and inside of it if it is closed."""
    picture = Image.new("F", (side, side))
    draw = ImageDraw.Draw(picture)
    places = [(float(x), float(y)) for x, y in points]
    if closed:
        draw.polygon(places, fill=1.0)
        places.append(places[0])
    if reach > 0:
        draw.line(places, fill=1.0, width=max(1, round(2 * reach)), joint="curve")
    return np.array(picture)
