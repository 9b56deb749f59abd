from pathlib import Path

import numpy as np
import pytest

from facerelief.errors import FacereliefError
from facerelief.faces.alignment import Crop
from facerelief.geometry.reconstructors import AlignedFace, load_reconstructor


def test_the_landmarks_are_the_vertices() -> None:
    points = np.random.default_rng(0).random((468, 3)).astype(np.float32) * 100
    face = AlignedFace(points, Crop(np.eye(2, 3), 128), Path("a.jpg"), (100, 100))
    mesh = load_reconstructor("mediapipe")(face)
    np.testing.assert_array_equal(mesh.vertices, points.astype(np.float64))
    assert (len(mesh.triangles), len(mesh.closing)) == (852, 28)


def test_a_wrong_name_lists_the_right_ones() -> None:
    with pytest.raises(FacereliefError, match="no reconstructor 'deca'; choose from mediapipe, meshfile"):
        load_reconstructor("deca")
