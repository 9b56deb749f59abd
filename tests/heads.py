"""A head that nobody has, drawn from the face's graph alone, with its mouth a little open."""

import numpy as np
import pytest

from facerelief.faces.alignment import EYE_INNER, EYE_OUTER
from facerelief.geometry.topology import OUTLINE, eye_triangles, face_triangles, mirror_vertices, mouth_triangles


def head() -> np.ndarray:
    """Symmetric, float64 (468, 3), in inter-ocular distances from the point between the eyes: y down, +z to the viewer.

    The outline is an ellipse and every other point the mean of its neighbours (Tutte, 1963), so that all triangles face
    the viewer; it bulges like a paraboloid. The mouth's inside pulls less, which opens it.
    """
    springs = np.zeros((468, 468))
    for triangles, strength in ((mouth_triangles(), 0.1), (np.concatenate([face_triangles(), eye_triangles()]), 1.0)):
        for a, b in ((0, 1), (1, 2), (2, 0)):
            springs[triangles[:, a], triangles[:, b]] = springs[triangles[:, b], triangles[:, a]] = strength
    system = np.diag(springs.sum(axis=1)) - springs
    ring, right = list(OUTLINE), np.zeros((468, 2))
    turn = 2 * np.pi / len(ring) * (np.arange(len(ring)) - ring.index(10))  # from the top of the forehead
    system[ring], right[ring] = np.eye(468)[ring], np.column_stack([np.sin(turn), -1.2 * np.cos(turn)])
    flat = np.linalg.solve(system, right)
    flat = (flat + (flat * (-1, 1))[mirror_vertices()]) / 2
    bulging = np.column_stack([flat, 0.9 * (1 - (flat / (1, 1.2)) ** 2 @ (1, 1))])
    eyes = bulging[[*EYE_OUTER, *EYE_INNER]]
    distance = eyes[[1, 3], 0].mean() - eyes[[0, 2], 0].mean()
    return (bulging - eyes.mean(axis=0)) / distance


def similarities(count: int, random: np.random.Generator, degrees: float = 20) -> tuple[np.ndarray, ...]:
    rotation = pytest.importorskip("scipy.spatial.transform", reason="scipy turns the heads").Rotation
    turns = rotation.from_rotvec(random.normal(scale=np.radians(degrees), size=(count, 3))).as_matrix()
    return turns, random.uniform(40, 90, count), random.normal(scale=30, size=(count, 3)) + 100
