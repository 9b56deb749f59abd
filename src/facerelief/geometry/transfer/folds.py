"""The two folds between cheeks and lips, which a smile makes and which a photo of one shows.

They are wider than wrinkles, and one side of each is often brighter than the other, so that no narrow dark line is
there to be filled. What fills one is the light of the skin on both sides of it, joined smoothly.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facerelief.array_types import Float32, Floats, Landmarks
from facerelief.easing import smoothstep
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.filters import ndimage
from facerelief.geometry.topology import OUTLINE
from facerelief.geometry.transfer.lips import MOUTH_CORNERS

# From the wings of the nose past the corners of the mouth to beside the chin, in MediaPipe's landmarks.
FOLDS = ((129, 203, 206, 216, 212, 202), (358, 423, 426, 436, 432, 422))
_NOSE = (6, 351, 429, 279, 358, 294, 327, 2, 98, 64, 129, 49, 209, 122)
_RIM = 0.16  # inter-ocular distances; what is that near to the outline of a face may be beside it
_BESIDE_NOSE = 0.08  # inter-ocular distances, in which the shadow of a nose is the nose's
_WIDE = 0.13  # inter-ocular distances to each side; half as far again the band ends
_FINE, _JOINED = 0.004, 0.11  # the same; deviations: of skin's own texture, which stays, and of what joins both sides
MORE_THAN_DEEP = 0.8  # of log luminance, than any fold is
# Inter-ocular distances by which a smile draws the corners of the mouth out and up, from which its folds count, and
# over which they do more and more. At rest it is 0.06 in 95 of 100 people at most; in smiles when asked 0.10 (median).
_SMILES, _MORE = 0.03, 0.09
_LEAST = 1e-3  # of weight, where no skin is near that is not in a fold


def fold_band(landmarks: Floats, size: int, unit: float | None = None) -> Float32:
    """Where folds of a smile may lie.

    Args:
        landmarks: (468 or more, 2 or 3), pixels.
        size: S.
        unit: The inter-ocular distance in pixels; by default that of the landmarks.

    Returns:
        (S, S), 1 there and falling to 0 beside, and at the outline of the face.
    """
    unit = inter_ocular(landmarks) if unit is None else unit
    lines = Image.new("L", (size, size), 1)
    draw = ImageDraw.Draw(lines)

    def places(vertices: Sequence[int]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in landmarks[list(vertices), :2]]

    for fold in FOLDS:
        draw.line(places(fold), fill=0, width=1)
    draw.polygon(places(_NOSE), fill=2)
    found = np.asarray(lines)
    beside = ndimage().distance_transform_edt(found != 2)
    band = np.clip(1.5 - ndimage().distance_transform_edt(found) / (_WIDE * unit), 0, 1)
    band = band * smoothstep(beside / (_BESIDE_NOSE * unit)) * _inside(landmarks, size, unit)
    return band.astype(np.float32)


def within_folds(band: Float32) -> Float32:
    """What of a `fold_band` (S, S) is filled whole: a fold that is half filled would be a line beside a bright strip."""
    return np.minimum(2 * band, 1)


def _inside(landmarks: Floats, size: int, unit: float) -> Floats:
    """(size, size): 1 on a face and 0 outside, where its landmarks are (468 or more, 2 or 3) pixels."""
    face = Image.new("L", (size, size), 0)
    ImageDraw.Draw(face).polygon([(float(x), float(y)) for x, y in landmarks[list(OUTLINE), :2]], fill=1)
    within: Floats = ndimage().distance_transform_edt(np.asarray(face)) / (_RIM * unit)
    return np.clip(within - 0.5, 0, 1)


def leaving_folds(shown: Floats, wanted: Floats) -> float:
    """Share of a smile's folds, 0 to 1, that leaves with it.

    Args:
        shown: (468, 3), the movement from the neutral face that a photo shows, inter-ocular distances.
        wanted: (468, 3), that of the new expression.
    """
    before, after = ((m[list(MOUTH_CORNERS), :2] * ((-1, -1), (1, -1))).sum() / 2 for m in (shown, wanted))
    return float(smoothstep((before - max(after, 0.0) - _SMILES) / _MORE))


def fold_depth(light: Float32, landmarks: Landmarks) -> Float32:
    """How much darker a fold is than the skin on both sides of it, joined across.

    Args:
        light: (S, S), log luminance.
        landmarks: (468, 3), its pixels.

    Returns:
        (S, S), at least 0; 0 beside the band.
    """
    filters, size, unit = ndimage(), len(light), inter_ocular(landmarks)
    band = fold_band(landmarks, size)
    skin = ((1 - band) * _inside(landmarks, size, unit) + _LEAST).astype(np.float32)
    base = filters.gaussian_filter(light, _FINE * unit)
    joined = filters.gaussian_filter(skin * base, _JOINED * unit) / filters.gaussian_filter(skin, _JOINED * unit)
    depth: Float32 = np.maximum(joined - base, 0) * within_folds(band)
    return depth
