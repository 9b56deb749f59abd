"""Rims of glasses, which are rigid: where they are, so that nothing moves them.

Dark rims are found line by line. Thin, light and missing ones hardly differ from skin: where a classifier sees glasses,
all around the eyes stays but the eyes and the brows.
"""

import numpy as np

from facerelief.array_types import RGB, Bool, Float32, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER, INTER_OCULAR, inter_ocular
from facerelief.geometry.depth_maps import polygon_mask
from facerelief.geometry.filters import binomial_blur
from facerelief.geometry.morphable.uv_map import feathered
from facerelief.geometry.topology import BROWS, eye_outlines
from facerelief.geometry.transfer.glasses_classifier import load_glasses
from facerelief.geometry.transfer.shading import bottom_hat, log_luminance

_BRIDGE = (168, 6)  # landmarks between the eyes, where a bridge crosses the nose
_ACROSS, _ALONG = 0.22, 0.1  # inter-ocular distances up and down, and to each side, in which it is looked for
# Depth of the darkest line there: at most 0.23 on 132 photos without glasses (London set), 1.1 and more for dark rims.
_NONE, _SURE = 0.3, 0.6
_FAINT, _CLEAR = 0.15, 0.4  # depth of a dark line near the eyes, from which it is taken for a rim
_NEAR = (0.62, 0.45)  # inter-ocular distances from an eye's centre, to the side and up and down, that rims reach
_OVERLAP, _LASHES = 0.07, 0.06  # inter-ocular distances
_WIDER = 3  # crop pixels around a rim that stay with it
_BROWS_GO = 0.75  # of their way, brows above thin rims: where all of it pulls at the rims they bend
_UNDER_BROWS, _BESIDE_BROWS = 0.04, 0.05  # inter-ocular distances: of a brow, that stays; around it, that goes with it


def rim_map(pixels: RGB, landmarks: Landmarks) -> Float32:
    """Where rims of glasses are or may be.

    Args:
        pixels: (160, 160, 3), an aligned crop.
        landmarks: (468, 3), crop pixels.

    Returns:
        (160, 160) in [0, 1]; 0 all over where there are no glasses.
    """
    sure = float(smoothstep(load_glasses()(pixels)))
    rims = _dark_rims(pixels, landmarks)
    if sure:
        rims = np.maximum(rims, sure * _beside_eyes(landmarks, len(pixels)))
    return rims.astype(np.float32)


def _beside_eyes(landmarks: Landmarks, size: int) -> Floats:
    """Where glasses lie on a face (S, S), up to the brows and without the eyes."""
    unit = inter_ocular(landmarks)
    brows = feathered(_brows(landmarks, size, _UNDER_BROWS), _BESIDE_BROWS * unit)
    free = (1 - _BROWS_GO * brows) * (1 - _lashes(landmarks, size))
    return binomial_blur(binomial_blur(_near_eyes(landmarks, size) * free))


def _dark_rims(pixels: RGB, landmarks: Landmarks) -> Floats:
    """Lines of dark rims (S, S); 0 all over where no dark bridge crosses the nose."""
    size, unit = len(pixels), inter_ocular(landmarks)
    depth = bottom_hat(log_luminance(pixels @ LUMA), INTER_OCULAR * size)
    x, y = landmarks[list(_BRIDGE), :2].mean(axis=0)
    rows, columns = (
        slice(max(0, int(middle - reach * unit)), max(0, int(middle + reach * unit) + 1))
        for middle, reach in ((y, _ACROSS), (x, _ALONG))
    )
    band = depth[rows, columns]
    score = float(np.median(band, axis=1).max()) if band.size else 0.0
    sure = float(smoothstep((score - _NONE) / (_SURE - _NONE)))
    if not sure:
        return np.zeros((size, size))
    rims = _near_eyes(landmarks, size) * ~_brows(landmarks, size, _OVERLAP) * (1 - _lashes(landmarks, size))
    rims = rims * smoothstep((depth - _FAINT) / (_CLEAR - _FAINT))
    for axis in (0, 1):
        rims = np.max([np.roll(rims, step, axis) for step in range(-_WIDER, _WIDER + 1)], axis=0)
    return sure * binomial_blur(binomial_blur(rims))


def _near_eyes(landmarks: Landmarks, size: int) -> Floats:
    """As far from the eyes as rims reach, (S, S)."""
    unit = inter_ocular(landmarks)
    down, right = np.indices((size, size)) + 0.5
    near = np.zeros((size, size))
    for pair in zip(EYE_OUTER, EYE_INNER, strict=True):
        centre = landmarks[list(pair), :2].mean(axis=0)
        away = np.hypot((right - centre[0]) / (_NEAR[0] * unit), (down - centre[1]) / (_NEAR[1] * unit))
        near = np.maximum(near, smoothstep((1.1 - away) / 0.2))
    return near


def _brows(landmarks: Landmarks, size: int, overlap: float) -> Bool:
    """The brows (S, S) but for their lower part, over which a rim may lie; `overlap`: inter-ocular distances."""
    raised = np.array((0, overlap * inter_ocular(landmarks)))
    return np.logical_or(*(polygon_mask(landmarks[list(ring), :2] - raised, size) for ring in BROWS))


def _lashes(landmarks: Landmarks, size: int) -> Floats:
    """Eyes with their lashes, (S, S)."""
    eyes = np.logical_or(*(polygon_mask(landmarks[list(ring), :2], size) for ring in eye_outlines()))
    return feathered(eyes, _LASHES * inter_ocular(landmarks))
