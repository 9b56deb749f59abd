import numpy as np
import pytest

from facerelief.errors import DatasetError
from facerelief.geometry.mesh import FaceMesh

CORNERS = np.array([(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
ONE = np.array([(0, 1, 2)])


def test_the_surface_has_the_closing_triangles_last() -> None:
    assert FaceMesh(CORNERS, ONE).surface.tolist() == [[0, 1, 2]]
    assert FaceMesh(CORNERS, ONE, ONE[:, ::-1]).surface.tolist() == [[0, 1, 2], [2, 1, 0]]


@pytest.mark.parametrize(
    ("vertices", "triangles", "reason"),
    [
        (CORNERS[:, :2], ONE, "finite vertices"),
        (CORNERS * np.nan, ONE, "finite vertices"),
        (CORNERS[0], ONE, "finite vertices"),
        (CORNERS, np.array([(0, 1, 2, 0)]), "triangulate it"),
        (CORNERS, ONE[0], "triangulate it"),
        (CORNERS, ONE + 1, "does not have"),
        (CORNERS, ONE - 1, "does not have"),
    ],
)
def test_a_mesh_that_is_none(vertices: np.ndarray, triangles: np.ndarray, reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        FaceMesh(vertices, triangles)


def test_closing_triangles_are_checked_too() -> None:
    with pytest.raises(DatasetError, match="does not have"):
        FaceMesh(CORNERS, ONE, ONE + 1)
