"""Shapes brought together by similarity transforms: Umeyama's solution and generalised Procrustes analysis."""

import numpy as np

from facerelief.array_types import Floats
from facerelief.faces.alignment import EYE_INNER, EYE_OUTER
from facerelief.geometry.topology import mirror_vertices

# Points that expressions hardly move: eye corners, bridge of the nose, temples and the top of the forehead.
STABLE_LANDMARKS = (
    *(33, 133, 362, 263, 168, 6, 197, 195, 5, 4, 2, 1),
    *(127, 356, 234, 454, 10, 109, 338, 103, 332, 21, 251, 54, 284, 67, 297),
)


def mirror_shapes(shapes: Floats) -> Floats:
    """Shapes (..., 468, 3) in the mirror; also differences of shapes."""
    return (shapes * (-1.0, 1.0, 1.0))[..., mirror_vertices(), :]


def fit_similarity(source: Floats, target: Floats) -> tuple[Floats, Floats, Floats]:
    """Least-squares similarity transforms (Umeyama, 1991): target = scale * rotation @ point + shift.

    Args:
        source: (N, V, 3), points.
        target: (V, 3), where they are to go.

    Returns:
        Rotations (N, 3, 3), scales (N,) and shifts (N, 3).
    """
    mean_s, mean_t = source.mean(axis=1), target.mean(axis=0)
    s, t = source - mean_s[:, None], target - mean_t
    u, d, vt = np.linalg.svd(np.einsum("va,nvb->nab", t, s))
    proper = np.ones_like(d)
    proper[:, 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * proper[:, None, :]) @ vt
    scale = (d * proper).sum(axis=1) / (s**2).sum(axis=(1, 2))
    return rotation, scale, mean_t - scale[:, None] * np.einsum("nab,nb->na", rotation, mean_s)


def apply_similarity(points: Floats, rotation: Floats, scale: Floats, shift: Floats) -> Floats:
    """Points (N, V, 3) under similarity transforms as `fit_similarity` gives them."""
    turned: Floats = scale[:, None, None] * np.einsum("nab,nvb->nva", rotation, points) + shift[:, None]
    return turned


def align_shapes(shapes: Floats, mean: Floats) -> Floats:
    """Shapes (N, 468, 3) brought onto a mean (468, 3) by the points that expressions hardly move."""
    still = list(STABLE_LANDMARKS)
    return apply_similarity(shapes, *fit_similarity(shapes[:, still], mean[still]))


def procrustes_align(meshes: Floats, rounds: int = 5) -> tuple[Floats, Floats]:
    """Meshes (N, 468, 3) in the frame of their own symmetric mean, and that mean: generalised Procrustes analysis."""
    mean = _normalised(meshes.mean(axis=0))
    for _ in range(rounds):
        average = align_shapes(meshes, mean).mean(axis=0)
        mean = _normalised((average + mirror_shapes(average)) / 2)
    return align_shapes(meshes, mean), mean


def _normalised(shape: Floats) -> Floats:
    left, right = (shape[list(pair)].mean(axis=0) for pair in zip(EYE_OUTER, EYE_INNER, strict=True))
    normalised: Floats = (shape - (left + right) / 2) / np.linalg.norm(right - left)
    return normalised
