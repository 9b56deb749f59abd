"""Where the upper teeth that a photo shows end: below are lower teeth, the dark of the mouth, or the lower lip.

Landmarks put the rim of the lower lip a fifth of the opening too low, and a model's teeth are not as long as people's.
"""

import numpy as np

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.geometry.filters import box_mean
from facerelief.geometry.transfer.lips import lip_colour, lip_curves

_PLACES = 48  # from lip to lip
_BRIGHT, _ENDS = 0.9, 0.73  # quantile of the luminance from lip to lip that teeth have; share of it at which they end
_RED = 0.1  # redness of which teeth may be, whatever lips are
_BESIDE = 2  # of 41 places along the lips to each side, of whose ends the median counts


def upper_teeth_end(rgb: RGB, landmarks: Landmarks, lowest: Floats) -> Floats:
    """Points (41, 2) in a photo along the end of the upper teeth, from left to right.

    From lip to lip it is the first place below the brightest one that is clearly darker, or as red as lips.

    Args:
        rgb: (H, W, 3).
        landmarks: (468, 3), pixels, with the lips as the photo shows them.
        lowest: Points (N, 2), from left to right, below which no upper teeth are looked for.
    """
    upper, lower = lip_curves(landmarks)[0]
    steps = np.linspace(0, 1, _PLACES)
    places = upper[:, None] + steps[:, None] * (lower - upper)[:, None]
    x, y = np.moveaxis(places, 2, 0).astype(int)
    levels = box_mean(rgb[np.clip(y, 0, len(rgb) - 1), np.clip(x, 0, rgb.shape[1] - 1)] / 255, 3, axis=1)
    luma = np.where(places[..., 1] > np.interp(places[..., 0], *lowest.T), -1.0, levels @ LUMA)
    bright = np.quantile(luma, _BRIGHT, axis=1, keepdims=True)
    brightest = luma.argmax(axis=1)[:, None]
    red = _redness(levels)
    between = (np.take_along_axis(red, brightest, 1) + _redness(lip_colour(rgb, landmarks))) / 2
    ends = (np.arange(_PLACES) > brightest) & ((luma < _ENDS * bright) | (red > np.maximum(between, _RED)))
    share = steps[np.where(ends.any(axis=1), ends.argmax(axis=1), _PLACES - 1)]
    beside = np.lib.stride_tricks.sliding_window_view(np.pad(share, _BESIDE, mode="edge"), 2 * _BESIDE + 1)
    smooth = box_mean(np.median(beside, axis=1), 3, axis=0)
    found: Floats = upper + smooth[:, None] * (lower - upper)
    return found


def _redness(levels: Floats) -> Floats:
    """How red colours (..., 3) are, (...,)."""
    red: Floats = (levels[..., 0] - levels[..., 1]) / np.maximum(levels @ LUMA, 0.05)
    return red
