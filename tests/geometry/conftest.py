"""Meshes and landmarks of known shape."""

import numpy as np
import pytest

from facerelief.faces.alignment import EYE_INNER, EYE_OUTER
from facerelief.geometry.mesh import FaceMesh
from facerelief.geometry.topology import INNER_LIPS


@pytest.fixture(scope="session")
def hemisphere() -> FaceMesh:
    """Radius 60 pixels around (64, 64, 0), bulging to the viewer; edges of about 2 pixels."""
    rings, spokes, radius = 48, 144, 60.0
    polar = np.linspace(0, np.pi / 2, rings + 1)[1:, None]
    turn = np.linspace(0, 2 * np.pi, spokes, endpoint=False)
    circle = np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar) + 0 * turn], axis=2)
    vertices = np.concatenate([[(0.0, 0.0, 1.0)], circle.reshape(-1, 3)]) * radius + (64, 64, 0)
    here = np.arange(spokes)
    there = (here + 1) % spokes
    triangles = [np.column_stack([0 * here, 1 + there, 1 + here])]
    for ring in range(rings - 1):
        inner, outer = 1 + ring * spokes, 1 + (ring + 1) * spokes
        triangles += [
            np.column_stack([inner + here, inner + there, outer + here]),
            np.column_stack([inner + there, outer + there, outer + here]),
        ]
    return FaceMesh(vertices, np.concatenate(triangles))


@pytest.fixture
def landmarks() -> np.ndarray:
    """(468, 3) in a crop of 128 pixels: eye centres 48 pixels apart, corners on pixel centres, z 0; lips an ellipse.

    The other points lie in the middle.
    """
    points = np.tile((64.0, 64.0, 0.0), (468, 1))
    points[[*EYE_OUTER, *EYE_INNER], 0] = (28.5, 100.5, 52.5, 76.5)
    points[[*EYE_OUTER, *EYE_INNER], 1] = 48.5
    turn = np.linspace(0, 2 * np.pi, len(INNER_LIPS), endpoint=False)
    points[list(INNER_LIPS), :2] = np.column_stack([64 + 12 * np.cos(turn), 96 + 8 * np.sin(turn)])
    return points
