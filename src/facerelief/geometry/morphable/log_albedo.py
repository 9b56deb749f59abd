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
        padded = np.pad(values, [(2, 2) if a == axis else (0, 0) for a in range(values.ndim)], mode="edge")
        length = values.shape[axis]
        parts = [w * np.take(padded, np.arange(length) + k, axis) for k, w in enumerate(_BINOMIAL)]
        values = functools.reduce(np.add, parts)
    return values


def box_blur(values: Floats, radius: int) -> Floats:
    """Values (H, W, C) averaged over boxes of 2 * radius + 1 pixels, thrice."""
    for _ in range(3):
        for axis in (0, 1):
            padded = np.pad(values, [(radius + 1, radius) if a == axis else (0, 0) for a in range(3)], mode="edge")
            sums = np.cumsum(padded, axis=axis)
            length, width = values.shape[axis], 2 * radius + 1
            upper, lower = (np.take(sums, np.arange(length) + k, axis=axis) for k in (width, 0))
            values = (upper - lower) / width
    return values
