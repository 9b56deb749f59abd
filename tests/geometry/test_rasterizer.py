"""The rasteriser against an independent one, closed forms, and numba against numpy."""

import numpy as np
import pytest

from facerelief.geometry import rasterizer
from facerelief.geometry.mesh import FaceMesh, vertex_normals
from facerelief.geometry.rasterizer import interpolate, rasterise

Mesh = tuple[np.ndarray, np.ndarray]


def random_mesh(seed: int, count: int = 40, *, snapped: bool = False) -> Mesh:
    """Triangles of either winding in and around a frame of 24 pixels; snapped ones have corners and edges on pixel
    centres, whole depths (so that ties occur), and some are lines or points.
    """
    random = np.random.default_rng(seed)
    vertices = random.normal(12, 11, (count, 3))
    if snapped:
        vertices = np.round(vertices) + np.array((0.5, 0.5, 0))
        vertices[:, 2] = np.round(vertices[:, 2] / 10)
    return vertices, random.integers(0, count, (count, 3))


def reference(vertices: np.ndarray, triangles: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangle by triangle: weights at all pixel centres by solving [[x], [y], [1]] @ w = [px, py, 1].

    Returns index, depth, and the pixels whose answer rounding cannot change.
    """
    row, column = np.mgrid[:size, :size]
    centres = np.stack([column + 0.5, row + 0.5, np.ones((size, size))]).reshape(3, -1)
    index, depth = np.full(size * size, -1), np.full(size * size, -np.inf)
    sure = np.ones(size * size, dtype=bool)
    for t, corners in enumerate(vertices[triangles]):
        system = np.stack([corners[:, 0], corners[:, 1], np.ones(3)])
        if np.linalg.det(system) > -1e-9:  # y is down, so one that faces the viewer has a negative area
            continue
        weights = np.linalg.solve(system, centres)
        lowest, z = weights.min(axis=0), corners[:, 2] @ weights
        sure &= (np.abs(lowest) > 1e-9) & ((lowest < 0) | (np.abs(z - depth) > 1e-9))
        nearer = (lowest >= 0) & (z > depth)
        index[nearer], depth[nearer] = t, z[nearer]
    return index.reshape(size, size), depth.reshape(size, size), sure.reshape(size, size)


def sheet(points: np.ndarray) -> np.ndarray:
    """Delaunay triangles (T, 3) of points in the plane, turned to the viewer."""
    delaunay = pytest.importorskip("scipy.spatial", reason="scipy triangulates the test's sheet").Delaunay
    triangles = delaunay(points[:, :2]).simplices.astype(np.int64)
    a, b, c = (points[triangles[:, k], :2] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[area > 0] = triangles[area > 0][:, ::-1]
    return triangles[area != 0]


def test_numba_without_a_place_for_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose files cannot be written: it compiles each time."""
    numba = pytest.importorskip("numba", reason="numba is optional")

    def cached(_: object) -> None:
        raise RuntimeError("cannot cache function '_fill_loops': no locator available")

    rasterizer._numba_fill.cache_clear()
    monkeypatch.setattr(numba, "njit", lambda *function, cache=False: cached if cache else function[0])
    assert rasterizer._numba_fill() is rasterizer._fill_loops
    rasterizer._numba_fill.cache_clear()


@pytest.mark.parametrize("seed", range(8))
def test_against_an_independent_rasteriser(seed: int) -> None:
    vertices, triangles = random_mesh(seed)
    index, weights = rasterise(vertices, triangles, 24, backend="numpy")
    expected, depth, sure = reference(vertices, triangles, 24)
    assert sure.mean() > 0.99
    np.testing.assert_array_equal(index[sure], expected[sure])
    covered = index >= 0
    assert 0.2 < covered.mean() < 1
    np.testing.assert_allclose(weights[covered].sum(axis=1), 1, atol=1e-9)
    z = interpolate(vertices[:, 2], triangles, index, weights)
    np.testing.assert_allclose(z[sure & covered], depth[sure & covered], atol=1e-7)
    assert not z[~covered].any()
    assert not weights[~covered].any()


@pytest.mark.parametrize("snapped", [False, True])
def test_numba_gives_the_same_bits(snapped: bool) -> None:
    pytest.importorskip("numba", reason="numba is optional")
    for seed in range(20):
        vertices, triangles = random_mesh(seed, snapped=snapped)
        one, other = (rasterise(vertices, triangles, 24, backend=name) for name in ("numpy", "numba"))
        for a, b in zip(one, other, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    for triangles in (np.zeros((0, 3), dtype=np.int64), np.array([[0, 1, 1]])):
        one, other = (rasterise(vertices, triangles, 7, backend=name) for name in ("numpy", "numba"))
        assert (one[0] == -1).all()
        assert (other[0] == -1).all()


def test_pixel_centres_decide_and_edges_count() -> None:
    # A square from centre to centre, in two triangles: 5 x 5 pixels, those of the diagonal shown by the first one.
    vertices = np.array([(1.5, 2.5, 0), (5.5, 2.5, 0), (1.5, 6.5, 0), (5.5, 6.5, 0)])
    index, weights = rasterise(vertices, np.array([(0, 2, 1), (1, 2, 3)]), 9, backend="numpy")
    expected = np.full((9, 9), -1)
    for row in range(5):
        expected[2 + row, 1:6] = [0 if row + column <= 4 else 1 for column in range(5)]
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(weights[2, 1], (1, 0, 0))
    np.testing.assert_allclose(weights[4, 3], (0, 0.5, 0.5))
    # A hair smaller, and its border pixels are gone.
    inner = (vertices - (3.5, 4.5, 0)) * 0.999 + (3.5, 4.5, 0)
    index, _ = rasterise(inner, np.array([(0, 2, 1), (1, 2, 3)]), 9, backend="numpy")
    assert (index >= 0).sum() == 9


def test_a_back_face_is_not_seen() -> None:
    vertices = np.array([(1.0, 1.0, 0), (1.0, 8.0, 0), (8.0, 1.0, 0)])
    front, back = np.array([(0, 1, 2)]), np.array([(2, 1, 0)])
    assert (rasterise(vertices, front, 9)[0] == 0).any()
    assert (rasterise(vertices, back, 9)[0] == -1).all()
    normals = vertex_normals(vertices, front)
    np.testing.assert_allclose(normals, [(0, 0, 1)] * 3)  # what is seen has its normal towards the viewer


def test_the_nearer_triangle_wins_whatever_the_order() -> None:
    square = np.array([(0.0, 0.0), (0.0, 8.0), (8.0, 0.0), (8.0, 8.0)])
    far = np.column_stack([square, np.zeros(4)])
    tilted = np.column_stack([square, square[:, 0] - 4])  # nearer than z = 0 where x > 4
    vertices, faces = np.concatenate([far, tilted]), np.array([(0, 1, 2), (2, 1, 3)])
    for triangles, first in ((np.concatenate([faces, faces + 4]), True), (np.concatenate([faces + 4, faces]), False)):
        index, weights = rasterise(vertices, triangles, 8, backend="numpy")
        assert ((index < 2) == (np.arange(8) < 4) if first else (index >= 2) == (np.arange(8) < 4)).all()
        z = interpolate(vertices[:, 2], triangles, index, weights)
        np.testing.assert_allclose(z, np.tile(np.maximum(np.arange(8) + 0.5 - 4, 0), (8, 1)), atol=1e-12)


@pytest.mark.parametrize("snapped", [False, True])
def test_no_cracks_between_triangles_that_share_an_edge(snapped: bool) -> None:
    random = np.random.default_rng(3)
    points = np.column_stack([random.uniform(-3, 35, (400, 2)), random.normal(size=400)])
    points[:4, :2] = [(-4, -4), (-4, 36), (36, -4), (36, 36)]
    if snapped:
        points[:, :2] = np.round(points[:, :2]) + 0.5
        points = points[np.unique(points[:, :2], axis=0, return_index=True)[1]]
    index, weights = rasterise(points, sheet(points), 32, backend="numpy")
    assert (index >= 0).all()
    assert weights.min() >= 0
    x = interpolate(points[:, :2], sheet(points), index, weights)
    row, column = np.mgrid[:32, :32]
    np.testing.assert_allclose(x, np.stack([column + 0.5, row + 0.5], axis=2), atol=1e-9)


def test_a_tilted_plane_has_its_depth_at_every_pixel() -> None:
    random = np.random.default_rng(1)
    xy = np.concatenate([random.uniform(2, 28, (60, 2)), [(-5, -5), (-5, 40), (40, -5), (40, 40)]])
    points = np.column_stack([xy, 0.3 * xy[:, 0] - 1.7 * xy[:, 1] + 5])
    triangles = sheet(points)
    z = interpolate(points[:, 2], triangles, *rasterise(points, triangles, 30))
    row, column = np.mgrid[:30, :30] + 0.5
    np.testing.assert_allclose(z, 0.3 * column - 1.7 * row + 5, atol=1e-9)
    # z falls by 1.7 a pixel downwards, so it rises upwards and the normal leans down: (-0.3, -1.7, 1) with y up.
    normal = np.array([-0.3, -1.7, 1]) / np.linalg.norm([0.3, 1.7, 1])
    np.testing.assert_allclose(vertex_normals(points, triangles), np.tile(normal, (len(points), 1)), atol=1e-9)


def test_the_normals_of_a_hemisphere(hemisphere: FaceMesh) -> None:
    """At (x, y) from its centre the normal of a sphere is (x, -y, z) / radius, y up."""
    size, radius, centre = 128, 60.0, 64.0
    index, weights = rasterise(hemisphere.vertices, hemisphere.triangles, size)
    normals = vertex_normals(hemisphere.vertices, hemisphere.triangles)
    normal = interpolate(normals, hemisphere.triangles, index, weights)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-12)
    row, column = np.mgrid[:size, :size] + 0.5
    x, y = (column - centre) / radius, (row - centre) / radius
    inside = np.hypot(x, y) < 0.95
    assert (index >= 0)[np.hypot(x, y) < 0.99].all()
    assert (index < 0)[np.hypot(x, y) > 1].all()
    expected = np.stack([x, -y, np.sqrt(np.maximum(1 - x**2 - y**2, 0))], axis=2)
    cosine = (normal * expected).sum(axis=2)[inside]
    assert np.degrees(np.arccos(np.minimum(cosine, 1))).max() < 1.0
    z = interpolate(hemisphere.vertices[:, 2], hemisphere.triangles, index, weights)
    np.testing.assert_allclose(z[inside], radius * expected[..., 2][inside], atol=0.3)


def test_far_outside_the_frame() -> None:
    vertices = np.array([(-1e6, -1e6, 0.0), (-1e6, 3e6, 0.0), (3e6, -1e6, 4e6), (1e9, 0, 0), (1e9, 5, 0), (2e9, 0, 0)])
    index, weights = rasterise(vertices, np.array([(3, 4, 5), (0, 1, 2)]), 16)
    assert (index == 1).all()
    z = interpolate(vertices[:, 2], np.array([(3, 4, 5), (0, 1, 2)]), index, weights)
    np.testing.assert_allclose(z, np.tile(1e6 + np.arange(16) + 0.5, (16, 1)), rtol=1e-9)


def test_a_vertex_of_no_triangle_faces_the_viewer() -> None:
    vertices = np.zeros((4, 3))
    np.testing.assert_array_equal(vertex_normals(vertices, np.array([(0, 1, 2)])), [(0, 0, 1)] * 4)
    np.testing.assert_array_equal(vertex_normals(vertices, np.zeros((0, 3), dtype=int)), [(0, 0, 1)] * 4)
