"""Subdivision against trimesh's Loop scheme, closed forms, and what a smooth surface through points has to keep."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from heads import head

from facerelief.geometry.subdivision import Subdivision, face_subdivision
from facerelief.geometry.topology import INNER_LIPS, OUTLINE, eye_triangles, face_triangles

SIDE = 15  # of the grid
MIDDLE = SIDE // 2


def grid() -> tuple[np.ndarray, np.ndarray]:
    """A plane of SIDE x SIDE vertices (x, y, 0), each quad split the same way, so that every inner one has 6
    neighbours.
    """
    row, column = np.mgrid[:SIDE, :SIDE]
    vertices = np.column_stack([column.ravel(), row.ravel(), np.zeros(SIDE**2)]).astype(np.float64)
    here = (row * SIDE + column)[:-1, :-1].ravel()
    below = np.column_stack([here, here + SIDE, here + SIDE + 1])
    above = np.column_stack([here, here + SIDE + 1, here + 1])
    return vertices, np.concatenate([below, above])


def icosahedron() -> tuple[np.ndarray, np.ndarray]:
    """On the unit sphere; a triangle is three corners at the least distance from each other, wound to the outside."""
    golden = (1 + 5**0.5) / 2
    signs = np.array([(a, b * golden) for a in (-1, 1) for b in (-1, 1)])
    flat = np.column_stack([np.zeros(4), signs])
    vertices = np.concatenate([np.roll(flat, turn, axis=1) for turn in range(3)])
    near = np.isclose(np.linalg.norm(vertices[:, None] - vertices, axis=2), 2)
    cliques = [
        (i, j, k) for i in range(12) for j in range(i) for k in range(j) if near[i, j] and near[j, k] and near[i, k]
    ]
    wound = [t if np.linalg.det(vertices[list(t)]) > 0 else t[::-1] for t in cliques]
    return vertices / np.linalg.norm(vertices[0]), np.array(wound)


def border(triangles: np.ndarray) -> set[frozenset[int]]:
    """The edges of one triangle only; all are wound alike if no edge is walked twice in the same direction."""
    edges = Counter((int(a), int(b)) for t in triangles for a, b in pairwise([*t, t[0]]))
    assert max(edges.values()) == 1
    return {frozenset(edge) for edge in edges if edge[::-1] not in edges}


def canonical(triangles: np.ndarray) -> set[tuple[int, ...]]:
    """Each triangle from its least corner, winding kept."""
    first = triangles.argmin(axis=1)[:, None]
    return {tuple(t) for t in np.take_along_axis(triangles, (first + np.arange(3)) % 3, axis=1).tolist()}


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The index of the nearest of the others, for each point."""
    found: np.ndarray = (
        pytest.importorskip("scipy.spatial", reason="scipy finds twins").cKDTree(others).query(points)[1]
    )
    return found


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("shape", ["icosahedron", "face", "open eyes"])
def test_against_trimesh(shape: str, levels: int) -> None:
    """Its Loop scheme cuts corners; fed with vertices that are pushed out by what it cuts, twice, it gives ours."""
    subdivide = pytest.importorskip("trimesh", reason="trimesh is the reference").remesh.subdivide_loop
    closed = np.concatenate([face_triangles(), eye_triangles()])
    triangles = {"icosahedron": icosahedron()[1], "face": closed, "open eyes": face_triangles()}[shape]
    count = int(triangles.max()) + 1
    vertices = np.random.default_rng(0).normal(size=(count, 3))
    short = vertices - subdivide(vertices, triangles, levels)[0][:count]
    shorter = short - subdivide(short, triangles, levels)[0][:count]
    expected, expected_triangles = subdivide(vertices + short + shorter, triangles, levels)
    ours = Subdivision(triangles, count, levels)
    found = ours(vertices)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    twin = nearest(found, expected)
    assert len(set(twin.tolist())) == len(found)
    np.testing.assert_allclose(found, expected[twin], atol=1e-5)
    assert canonical(twin[ours.triangles]) == canonical(expected_triangles)


@pytest.mark.parametrize("levels", [1, 3])
def test_a_regular_grid_is_kept(levels: int) -> None:
    """Where each vertex has 6 neighbours the scheme's surface is a box spline: it gives linear functions back."""
    vertices, triangles = grid()
    subdivision = Subdivision(triangles, len(vertices), levels)
    fine = subdivision(vertices)
    step = 0.5**levels
    inner = (np.abs(fine[:, :2] - MIDDLE) < 1.01).all(axis=1)
    assert inner.sum() == (2 * 2**levels + 1) ** 2
    on_grid = fine[inner, :2] / step
    np.testing.assert_allclose(on_grid, np.round(on_grid), atol=1e-4)
    kept = inner[: len(vertices)]
    assert kept.sum() == 9
    np.testing.assert_allclose(fine[: len(vertices)][kept], vertices[kept], atol=1e-5)


def test_children_lie_in_their_parent_and_keep_its_winding() -> None:
    vertices, triangles = grid()
    subdivision = Subdivision(triangles, len(vertices), 2)
    fine = subdivision(vertices)
    children = subdivision.triangles.reshape(len(triangles), 16, 3)
    corners, parts = vertices[triangles][..., :2], fine[children][..., :2]
    inner = (np.abs(corners - MIDDLE) < 1.5).all(axis=(1, 2))
    assert inner.sum() == 8
    for parent, pieces in zip(corners[inner], parts[inner], strict=True):
        to_weights = np.linalg.inv(np.vstack([parent.T, np.ones(3)]))
        weights = np.concatenate([pieces.reshape(-1, 2), np.ones((48, 1))], axis=1) @ to_weights.T
        assert weights.min() > -1e-4
    sides = parts[:, :, 1:] - parts[:, :, :1]
    doubled = sides[..., 0, 0] * sides[..., 1, 1] - sides[..., 0, 1] * sides[..., 1, 0]
    assert (doubled < 0).all()  # as all of the coarse ones, here with y down
    np.testing.assert_allclose(doubled[inner], -1 / 16, atol=1e-4)


def test_the_corners_of_an_icosahedron_by_hand() -> None:
    """Each has 5 neighbours at 1 / sqrt 5 of its own direction. A round shrinks it by what follows, corrected thrice
    over: with r the shrinkage, (1 - r)(1 + r + r^2) = 1 - r^3.
    """
    weight = 5 / 8 - (3 / 8 + np.cos(2 * np.pi / 5) / 4) ** 2
    shrinkage = weight * (1 - 5**-0.5)
    assert shrinkage == pytest.approx(0.2324, abs=1e-4)
    vertices, triangles = icosahedron()
    fine = Subdivision(triangles, 12, 1)(vertices)
    assert fine.shape == (42, 3)
    np.testing.assert_allclose(fine[:12], (1 - shrinkage**3) * vertices, atol=1e-6)


def test_an_icosahedron_becomes_round() -> None:
    vertices, triangles = icosahedron()
    flat = np.linalg.norm(vertices[triangles].mean(axis=1), axis=1)
    assert flat.min() == pytest.approx(0.7947, abs=1e-4)  # the inscribed sphere's radius
    subdivision = Subdivision(triangles, 12, 4)
    radius = np.linalg.norm(subdivision(vertices), axis=1)
    assert len(radius) == 10 * 4**4 + 2
    assert not border(subdivision.triangles)
    assert radius.std() / radius.mean() < 0.01
    a, b, c = (subdivision(vertices)[subdivision.triangles[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    outward = ((a + b + c) * normals).sum(axis=1) / np.linalg.norm(a + b + c, axis=1) / np.linalg.norm(normals, axis=1)
    assert np.degrees(np.arccos(outward.min())) < 8  # of the coarse ones, a corner's is 37 degrees off


@pytest.mark.parametrize(("levels", "count"), [(2, 7152), (3, 28384)])
def test_the_counts_of_the_face(levels: int, count: int) -> None:
    subdivision = face_subdivision(levels)
    assert subdivision.triangles.shape == (880 * 4**levels, 3)
    assert subdivision.matrix.shape == (count, 468)
    assert subdivision.matrix.dtype == np.float32
    assert set(np.unique(subdivision.triangles).tolist()) == set(range(count))  # none is left over
    assert face_subdivision(levels) is subdivision


def test_every_vertex_is_an_average_so_that_a_moved_face_gives_the_moved_surface() -> None:
    subdivision, shape = face_subdivision(2), head()
    np.testing.assert_allclose(subdivision.matrix.sum(axis=1), 1, atol=1e-5)
    linear, shift = np.random.default_rng(2).normal(size=(3, 3)), np.array((3.0, -1.0, 2.0))
    np.testing.assert_allclose(subdivision(shape @ linear + shift), subdivision(shape) @ linear + shift, atol=2e-5)


def test_the_borders_of_the_face_stay_its_borders_and_depend_on_nothing_else() -> None:
    subdivision = face_subdivision(2)
    edges = border(subdivision.triangles)
    on_border = sorted(set().union(*edges))
    assert len(edges) == len(on_border) == (len(OUTLINE) + len(INNER_LIPS)) * 4
    for walk, other in ((OUTLINE, INNER_LIPS), (INNER_LIPS, OUTLINE)):
        shares = np.abs(subdivision.matrix[on_border])
        of_walk = shares[:, list(walk)].sum(axis=1) > 0
        assert of_walk.sum() == len(walk) * 4
        assert not np.delete(shares[of_walk], list(walk), axis=1).any()
        assert not shares[of_walk][:, list(other)].any()


def test_the_eyes_come_last() -> None:
    subdivision = face_subdivision(2)
    eyes = np.unique(subdivision.triangles[-len(eye_triangles()) * 16 :])
    middles = subdivision(head())[eyes, :2]
    lids = head()[np.unique(eye_triangles()), :2]
    low, high = lids.min(axis=0) - 0.02, lids.max(axis=0) + 0.02
    assert ((middles > low) & (middles < high)).all()
    assert (np.abs(middles[:, 0]) > np.abs(lids[:, 0]).min() - 0.02).all()


def test_the_surface_passes_through_the_coarse_vertices() -> None:
    """Loop's scheme alone stays away from them by what the correction makes good."""
    subdivide = pytest.importorskip("trimesh", reason="trimesh is the reference").remesh.subdivide_loop
    shape = head()
    cut = np.linalg.norm(
        subdivide(shape, np.concatenate([face_triangles(), eye_triangles()]), 2)[0][:468] - shape, axis=1
    )
    left = np.linalg.norm(face_subdivision(2)(shape)[:468] - shape, axis=1)
    assert cut.max() > 0.01
    assert left.max() < 0.2 * cut.max()
    assert np.sqrt((left**2).mean()) < 0.1 * np.sqrt((cut**2).mean())


def test_no_rounds_change_nothing() -> None:
    vertices, triangles = icosahedron()
    subdivision = Subdivision(triangles, 12, 0)
    np.testing.assert_array_equal(subdivision.triangles, triangles)
    np.testing.assert_allclose(subdivision(vertices), vertices, atol=1e-6)


@pytest.mark.parametrize(
    ("triangles", "complaint"),
    [([(0, 1, 2), (1, 0, 3), (0, 1, 4)], "more than two triangles"), ([(0, 1, 2), (0, 3, 4)], "two borders")],
)
def test_what_is_no_surface_is_refused(triangles: list[tuple[int, int, int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Subdivision(np.array(triangles), 5, 1)
