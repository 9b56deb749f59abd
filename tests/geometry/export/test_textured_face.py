"""The mesh of a face: where it lies, how its morph targets move it, and what of the photo it shows."""

import numpy as np
import pytest

from facerelief.geometry.export.gltf import TexturedMesh
from facerelief.geometry.export.textured_face import _between_lips, textured_face
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.topology import mouth_triangles

UNIT = 0.063  # metres between the eyes
LEFT_CORNER, RIGHT_CORNER, CHIN, BROW = 291, 61, 152, 107  # of the person's own sides; inner end of the right brow


def average(opening: float = 0.0) -> np.ndarray:
    """The average face, its jaw so far open."""
    face = load_face()
    return face.mean + opening * face.rig.shapes[face.rig.names.index("jawOpen")]


def mesh_of(points: np.ndarray) -> TexturedMesh:
    return textured_face(load_face().rig, points, places(points), b"JPEG")


def places(points: np.ndarray) -> np.ndarray:
    return points[:, :2] / 3 + (0.5, 0.36)


@pytest.fixture(scope="module")
def mesh() -> TexturedMesh:
    return mesh_of(average())


def test_it_looks_along_z_in_metres(mesh: TexturedMesh) -> None:
    expected = UNIT * load_face().mean * (1, -1, 1)
    assert np.abs(mesh.vertices[:468] - expected).max() < 1e-3
    left, right = (mesh.vertices[list(corners)].mean(axis=0) for corners in ((263, 362), (33, 133)))
    assert left[0] > 0 > right[0]
    assert np.linalg.norm(left - right) == pytest.approx(UNIT, rel=0.01)
    assert mesh.vertices[CHIN, 1] < 0 < mesh.vertices[10, 1]  # the forehead


@pytest.mark.parametrize(
    ("target", "shapes", "vertex"),
    [
        ("mouthSmileLeft", ["mouthSmileLeft"], LEFT_CORNER),
        ("mouthSmileRight", ["mouthSmileRight"], RIGHT_CORNER),
        ("jawOpen", ["jawOpen"], CHIN),
        ("browInnerUp", ["browInnerUpLeft", "browInnerUpRight"], BROW),
    ],
)
def test_a_target_moves_a_landmark_as_the_rig_does(
    mesh: TexturedMesh, target: str, shapes: list[str], vertex: int
) -> None:
    rig = load_face().rig
    right, down, nearer = sum(rig.shapes[rig.names.index(name), vertex] for name in shapes).astype(float)
    expected = UNIT * np.array([right, -down, nearer])
    assert np.linalg.norm(expected) > 2e-3  # millimetres, so that something is compared
    np.testing.assert_allclose(mesh.targets[target][vertex], expected, atol=0.03 * np.linalg.norm(expected))


def test_directions_are_those_of_words(mesh: TexturedMesh) -> None:
    assert mesh.targets["mouthSmileLeft"][LEFT_CORNER, 1] > 10 * abs(mesh.targets["mouthSmileLeft"][RIGHT_CORNER, 1])
    assert mesh.targets["jawOpen"][CHIN, 1] < -0.01
    assert mesh.targets["browInnerUp"][BROW, 1] > 0.002
    assert mesh.targets["mouthLeft"][LEFT_CORNER, 0] > 0
    assert not mesh.targets["eyeLookUpLeft"].any()


def test_each_vertex_shows_its_place_in_the_texture(mesh: TexturedMesh) -> None:
    assert np.abs(mesh.uv[:468] - places(average())).max() < 0.01
    assert mesh.uv.min() > 0 and mesh.uv.max() < 1


def test_normals_point_out_of_the_surface(mesh: TexturedMesh) -> None:
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    a, b, c = (mesh.vertices[mesh.triangles[:, k]].astype(float) for k in range(3))
    across = np.cross(b - a, c - a)
    large = np.linalg.norm(across, axis=1) > 1e-9
    agree = (across * mesh.normals[mesh.triangles].mean(axis=1)).sum(axis=1)[large] > 0
    assert agree.mean() > 0.99
    assert mesh.normals[[4, 10, CHIN], 2].min() > 0.3  # tip of the nose, forehead, chin


def test_the_strip_between_lips_is_that_of_pictures() -> None:
    assert sorted(map(tuple, _between_lips(0).tolist())) == sorted(map(tuple, mouth_triangles().tolist()))


def test_only_the_outline_stays_open(mesh: TexturedMesh) -> None:
    """Every edge but those of one ring belongs to two triangles, in opposite directions."""
    triangles = np.concatenate([mesh.triangles, mesh.dark])
    edges = {tuple(edge) for k in range(3) for edge in triangles[:, (k, (k + 1) % 3)].tolist()}
    assert len(edges) == 3 * len(triangles)
    border = {a: b for a, b in edges if (b, a) not in edges}
    ring, vertex = 0, 10  # on the forehead's edge
    while ring == 0 or vertex != 10:
        ring, vertex = ring + 1, border[vertex]
    assert ring == len(border) == 36 * 4


def test_a_shut_mouth_is_dark_inside_and_an_open_one_is_the_photo() -> None:
    shut, opened = mesh_of(average()), mesh_of(average(0.4))
    assert (len(shut.dark), len(opened.dark)) == (78, 0)
    assert len(opened.triangles) - len(shut.triangles) == 78
