"""Textures of the morphable model: log albedo in the UV map, of which symmetric ones keep the left half."""

import functools

import numpy as np

from facerelief import colour
from facerelief.array_types import Bool, Float32, Floats

LUMA32 = colour.LUMA.astype(np.float32)  # Rec. 601, single: pictures are
FLOOR = 0.06
_BINOMIAL = (0.0625, 0.25, 0.375, 0.25, 0.0625)
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


def binomial_blur(values: Floats) -> Floats:
    """Values (H, W[, C]) by a binomial filter, 5 pixels wide."""
    for axis in (0, 1):
        padded, length = _padded(values, axis, 2, 2), values.shape[axis]
        parts = (w * _part(padded, axis, k, length) for k, w in enumerate(_BINOMIAL))
        values = functools.reduce(np.add, parts)
    return values


def box_blur(values: Floats, radius: int) -> Floats:
    """Values (H, W, C) averaged over boxes of 2 * radius + 1 pixels, thrice."""
    for _ in range(3):
        for axis in (0, 1):
            sums = np.cumsum(_padded(values, axis, radius + 1, radius), axis=axis)
            length, width = values.shape[axis], 2 * radius + 1
            values = (_part(sums, axis, width, length) - _part(sums, axis, 0, length)) / width
    return values


def _padded(values: Floats, axis: int, before: int, after: int) -> Floats:
    """Values with their first and last repeated along an axis."""
    first, last = _part(values, axis, 0, 1), _part(values, axis, values.shape[axis] - 1, 1)
    return np.concatenate([first] * before + [values] + [last] * after, axis=axis)


def _part(values: Floats, axis: int, start: int, length: int) -> Floats:
    return values[(slice(None),) * axis + (slice(start, start + length),)]
