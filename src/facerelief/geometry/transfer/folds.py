"""The two folds between cheeks and lips, which a smile makes and which a photo of one shows.

They are wider than wrinkles, and one side of each is often brighter than the other, so that no narrow dark line is
there to be filled. What fills one is the light of the skin on both sides of it, joined smoothly.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facerelief.array_types import Float32, Floats
from facerelief.easing import smoothstep
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.filters import ndimage
from facerelief.geometry.transfer.lips import MOUTH_CORNERS

# From the wings of the nose past the corners of the mouth to beside the chin, in MediaPipe's landmarks.
FOLDS = ((129, 203, 206, 216, 212, 202), (358, 423, 426, 436, 432, 422))
_NOSE = (6, 351, 429, 279, 358, 294, 327, 2, 98, 64, 129, 49, 209, 122)
_BESIDE_NOSE = 0.06  # inter-ocular distances, in which the shadow of a nose is the nose's
_WIDE = 0.13  # inter-ocular distances to each side; half as far again the band ends
_FINE, _JOINED = 0.008, 0.11  # the same; deviations: of skin's own texture, which stays, and of what joins both sides
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
        (S, S), 1 there and falling to 0 beside.
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
    free: Float32 = (band * np.clip(beside / (_BESIDE_NOSE * unit), 0, 1)).astype(np.float32)
    return free


def leaving_folds(shown: Floats, wanted: Floats) -> float:
    """Share of a smile's folds, 0 to 1, that leaves with it.

    Args:
        shown: (468, 3), the movement from the neutral face that a photo shows, inter-ocular distances.
        wanted: (468, 3), that of the new expression.
    """
    before, after = ((m[list(MOUTH_CORNERS), :2] * ((-1, -1), (1, -1))).sum() / 2 for m in (shown, wanted))
    return float(smoothstep((before - max(after, 0.0) - _SMILES) / _MORE))


def fold_depth(light: Float32, band: Float32, unit: float) -> Float32:
    """How much darker a fold is than the skin on both sides of it, joined across.

    Args:
        light: (S, S), log luminance.
        band: (S, S), the `fold_band`.
        unit: The inter-ocular distance in pixels.

    Returns:
        (S, S), at least 0; 0 beside the band.
    """
    filters, skin = ndimage(), 1 - band + np.float32(_LEAST)
    base = filters.gaussian_filter(light, _FINE * unit)
    joined = filters.gaussian_filter(skin * base, _JOINED * unit) / filters.gaussian_filter(skin, _JOINED * unit)
    depth: Float32 = np.maximum(joined - base, 0) * band
    return depth
