"""What an expression changes of the light on a photo's face: wrinkles, drawn and taken away.

Light is log luminance, log(a + FLOOR) of a in [0, 1]. A change of it is a ratio, which fits any skin: the ratio images
of Liu, Shan and Zhang (Expressive expression mapping with ratio images, 2001).
"""

import functools

import numpy as np

from facerelief.array_types import Bool, Float32, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.faces.alignment import INTER_OCULAR, inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import binomial_blur, box_blur, closing, gaussian, scaled_map, smallest
from facerelief.geometry.morphable.log_albedo import FLOOR
from facerelief.geometry.morphable.model import MorphableFace, full_maps
from facerelief.geometry.morphable.uv_map import border_ring_mask, feathered, mouth_mask, sample_bilinear
from facerelief.geometry.topology import BROWS, LIPS, eye_outlines
from facerelief.geometry.transfer.folds import fold_band, fold_depth

_WIDE = 6  # pixels of the UV map; a change that is wider is light that was not taken out
_WRINKLE = 11 / 52.8  # inter-ocular distances: wrinkles and brows are narrower, and dark
_HAIR = 0.64 / 52.8  # inter-ocular distances: deviation of a Gaussian that leaves wrinkles and takes a beard's hairs
_EVERYONES = 0.12  # depth of what is dark and narrow in every neutral face
# Wrinkles lie a little elsewhere in each face: an average's are shallow and wide where one's own are deep and narrow.
_DEEPER, _SHADOW, _CREASE = 8.0, 1.3, 1.2
_FLANK = 9  # pixels of the UV map, within which a wrinkle is deepest along its crease
_STRONGEST = 0.35
_PALER = 0.6  # of what colour loses in more light: what fills a wrinkle is to be as coloured as the skin beside it
_AROUND, _FILLED = 0.03, 0.15  # of a crop's side; change of light from which a wrinkle counts as filled
_LEAST = 1e-3  # of weight, where all around is filled
_SEEN = 1e-3  # change of light, less of which is no level of a photo
_RAISED, _STEPS = 0.13, 5  # inter-ocular distances, by which eyebrows rise; places on that way
_COARSE = 160  # pixels a side of soft masks
_MARGIN = 0.06  # inter-ocular distances beyond the landmarks of eyebrows, eyes and lips, to which these reach


class RatioImages:
    """Log ratio images of expressions in the UV map, limited to what an average of many faces can know."""

    def __init__(self, face: MorphableFace) -> None:
        # Averages smear what is beside the face, and in its mouth, which opens differently from photo to photo; and of
        # eyebrows, eyes and lips they show where detectors miss them.
        uv_map = face.uv_map
        blurred = mouth_mask(uv_map) | border_ring_mask(uv_map)
        unit = INTER_OCULAR * uv_map.size
        missed = _feature_mask(uv_map.points, uv_map.size, _RAISED * unit)
        self._clear = (1 - feathered(blurred, uv_map.size // 20)) * (1 - feathered(missed, _MARGIN * unit))
        own = np.clip(1 - bottom_hat(full_maps(face.texture), unit) / _EVERYONES, 0, 1)
        self._lighter = (1 + (_DEEPER - 1) * own).astype(np.float32)
        self._seen = np.maximum(box_blur(self._clear[..., None], _WIDE), 1e-3)

    def __call__(self, change: Floats) -> Floats:
        """Keep the wrinkles of a change of log luminance.

        Args:
            change: (A, A), by which an expression's mean texture differs from another's.

        Returns:
            (A, A), its fine detail. What lightens wrinkles is for `limit_to_wrinkles` to limit to those of a photo.
        """
        change = change.astype(np.float32)
        around = box_blur((change * self._clear)[..., None], _WIDE) / self._seen  # of what is clear: rims would show
        fine = self._clear * (change - around[..., 0])
        deepest = np.minimum(smallest(fine, (_FLANK, _FLANK)), -1e-6)
        darker = _SHADOW + _CREASE * np.clip(fine / deepest, 0, 1) ** 2  # a crease along the bottom of a soft shadow
        limited: Floats = np.clip(np.where(fine < 0, darker, self._lighter) * fine, -_STRONGEST, _STRONGEST)
        return limited * self._clear


def wrinkle_map(luma: Floats, landmarks: Landmarks) -> Float32:
    """How deep the wrinkles of a crop are.

    Args:
        luma: (S, S), luminance of the crop, 0 to 255.
        landmarks: (468, 3), crop pixels. Eyebrows, eyes and lips are dark and narrow too, and count as no wrinkles.

    Returns:
        (S, S), the change of log luminance that would fill them.
    """
    unit, size, side = inter_ocular(landmarks), len(luma), min(len(luma), _COARSE)
    features = feathered(_feature_mask(landmarks[:, :2] * (side / size), side), _MARGIN * unit * side / size)
    light = log_luminance(luma.astype(np.float32))
    smooth, band = gaussian(light, _HAIR * unit), fold_band(landmarks, size)
    narrow = (1 - band) * bottom_hat(smooth, unit) * (1 - scaled_map(features, size))
    return narrow + fold_depth(light, landmarks, band)


def _feature_mask(landmarks: Landmarks, size: int, raised: float = 0.0) -> Bool:
    """(size, size): eyebrows, also when `raised` by so many pixels, eyes and lips; landmarks: (468, 2 or 3), pixels."""
    points = landmarks[:, :2].astype(np.float64)
    rings = [points[list(ring)] for ring in (LIPS, *eye_outlines())]
    rings += [points[list(brow)] - (0, height) for brow in BROWS for height in np.linspace(0, raised, _STEPS)]
    return functools.reduce(np.logical_or, [polygon_mask(ring, size) for ring in rings])


def limit_to_wrinkles(fill: Floats, flow: Floats, wrinkles: Float32, folds: Floats | None = None) -> Float32:
    """Limit a change of light to one that fills a face's wrinkles to the brim: more of it would glow.

    Args:
        fill: (S, S, 1), change of log luminance after the warp, at least 0.
        flow: (S, S, 2), that of the warp, by which wrinkles are looked up.
        wrinkles: (W, W), the `wrinkle_map` of the same crop before the warp, as fine as wrinkles are to be seen.
        folds: (S, S, 1), share to which all that is deep is filled, however deep: of a fold that is filled up to some
            depth, the bottom would stay as a line.

    Returns:
        (W, W, 1), `fill` where it is less than the wrinkle is deep, elsewhere that; at least that share of the depth.
    """
    size = len(wrinkles)
    finer, share = scaled_map(fill[..., 0], size).copy(), None if folds is None else scaled_map(folds[..., 0], size)
    rows, columns = np.nonzero(finer > _SEEN if share is None else np.maximum(finer, share) > _SEEN)
    places = np.column_stack([columns, rows]).astype(np.float32) + np.float32(0.5)
    times = np.float32(size / len(fill))
    most = sample_bilinear(wrinkles[..., None], places + times * sample_bilinear(flow, places / times))
    limited = np.minimum(finer[rows, columns], most[:, 0])
    finer[rows, columns] = limited if share is None else np.maximum(limited, share[rows, columns] * most[:, 0])
    return finer[..., None]


def bottom_hat(light: Floats, unit: float) -> Float32:
    """How much darker than its surroundings a picture is where that is narrow: its closing less itself.

    Args:
        light: (S, S), log luminance.
        unit: The inter-ocular distance in its pixels, of which dark lines that count are narrower than a fifth.
    """
    light = light.astype(np.float32)
    width = round(_WRINKLE * unit) | 1
    depth: Float32 = binomial_blur(closing(light, (width, width), "repeat") - light)
    return depth


def log_luminance(luma: Floats) -> Floats:
    """log(a + FLOOR) of luminance a, given in levels of 0 to 255."""
    return np.log(np.maximum(luma, 0) / np.float32(255) + np.float32(FLOOR))


def skin_tint(pixels: Floats, light: Floats) -> Float32:
    """The colour of the skin around each place of a crop, as shares of its luminance.

    Args:
        pixels: (S, S, 3), levels of the warped crop.
        light: (S, S, 1), change of log luminance; where it fills a wrinkle, the skin beside it counts.

    Returns:
        (S, S, 3).
    """
    skin = 1 - smoothstep(light / _FILLED) + np.float32(_LEAST)
    deviation = _AROUND * len(pixels)
    blurred = gaussian(((pixels + 1) * skin).astype(np.float32), (deviation, deviation, 0))  # black has no colour
    tint = blurred / (blurred @ LUMA.astype(np.float32))[..., None]
    return tint.astype(np.float32)


def relight(pixels: Floats, change: Floats, tint: Floats | None = None) -> Floats:
    """Change the light that falls on skin.

    Colour deepens where light falls, as skin's does: over 117 colour photos of faces its red falls as the 0.80th power
    of luminance, green as the 1.12th, blue as the 1.28th. Grey stays grey.

    Args:
        pixels: (h, w, 3), levels of 0 to 255.
        change: (h, w, 1), of log luminance.
        tint: (h, w, 3), as of `skin_tint`: wrinkles that are filled get it, for the bottom of one is redder than skin.

    Returns:
        (h, w, 3), levels, not clipped.

    Example:
        >>> import numpy as np
        >>> relight(np.full((1, 1, 3), 100.0), np.log([[[0.5]]])).round(2)
        array([[[42.35, 42.35, 42.35]]])
    """
    luma = (pixels @ LUMA.astype(np.float32))[..., None]
    floor, gain = np.float32(FLOOR * 255), np.exp(change)
    paler = np.clip(1 - np.maximum(change, 0) * _PALER - np.minimum(change, 0), 0.5, 1.6)
    level, colour = (luma + floor) * gain - floor, (pixels - luma) * (gain * paler)
    if tint is not None:
        colour = colour + smoothstep(change / _FILLED) * ((tint - 1) * level - colour)
    relit: Floats = level + colour
    return relit
