"""Textures of the morphable model: log albedo in the UV map, of which symmetric ones keep the left half."""

import numpy as np

from facerelief import colour
from facerelief.array_types import Bool, Float32, Floats

LUMA32 = colour.LUMA.astype(np.float32)  # Rec. 601, single: pictures are
FLOOR = 0.06
SKIN = 0.6  # mean albedo of the face


def fold_symmetric(albedo: Floats, seen: Bool) -> tuple[Float32, Bool]:
    """Log albedo of the left half, (P,), averaged with the mirrored right half where both are seen; and where it is."""
    weight = seen.astype(np.float32)
    log = np.log(albedo + FLOOR) * weight
    half = albedo.shape[1] // 2
    sums, count = (log + log[:, ::-1])[:, :half], (weight + weight[:, ::-1])[:, :half]
    return (sums / np.maximum(count, 1)).ravel().astype(np.float32), (count > 0).ravel()


def unfold_symmetric(halves: Floats, size: int) -> Floats:
    """Halves (..., P) as whole maps (..., A, A), A = size."""
    left = halves.reshape(*halves.shape[:-1], size, size // 2)
    return np.concatenate([left, left[..., ::-1]], axis=-1)
