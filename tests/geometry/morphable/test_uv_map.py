"""The uv_map against closed forms, scipy's interpolation, and the mirror."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from heads import head

from facerelief.geometry.morphable.uv_map import (
    FACE_VERTICES,
    UVMap,
    border_ring_triangles,
    mouth_mask,
    rendered_triangles,
    sample_bilinear,
    skin_mask,
    soft_face_mask,
    with_border_ring,
)
from facerelief.geometry.topology import INNER_LIPS, OUTLINE, eye_triangles, face_triangles, mouth_triangles

SIZE, RING = 128, len(OUTLINE)
INNER, OUTER = slice(FACE_VERTICES, FACE_VERTICES + RING), slice(FACE_VERTICES + RING, FACE_VERTICES + 2 * RING)


@pytest.fixture(scope="module")
def uv_map() -> UVMap:
    return UVMap(with_border_ring(head(), head()), SIZE)


def area(polygon: np.ndarray) -> float:
    """Of a polygon (N, 2): the shoelace formula."""
    x, y = polygon.T
    return abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum())) / 2


def test_the_picture_is_one_sheet_that_ends_at_the_outer_ring() -> None:
    triangles = rendered_triangles()
    assert triangles.shape == (852 + 28 + 18 + 144, 3)
    assert len(border_ring_triangles()) == 144
    edges = Counter((int(a), int(b)) for t in triangles for a, b in pairwise([*t, t[0]]))
    assert max(edges.values()) == 1  # all wound alike
    border = {(a, b) for a, b in edges if (b, a) not in edges}
    ring = range(FACE_VERTICES + RING, FACE_VERTICES + 2 * RING)
    assert {frozenset(edge) for edge in border} == {frozenset(edge) for edge in pairwise([*ring, ring[0]])}
    undirected = (len(edges) + len(border)) // 2
    assert 540 - undirected + len(triangles) == 1  # a disk


def test_the_border_rings_lie_around_the_face_and_behind_its_outline() -> None:
    still = head()
    whole = with_border_ring(still, still)
    assert whole.shape == (540, 3)
    np.testing.assert_array_equal(whole[:FACE_VERTICES], still)
    outline = still[list(OUTLINE)]
    centre = outline.mean(axis=0)
    for ring, least, most in ((INNER, 1.1, 1.6), (OUTER, 2, 4)):
        factor = np.hypot(*(whole[ring, :2] - centre[:2])[0]) / np.hypot(*(outline[0] - centre)[:2])
        assert least < factor < most
        np.testing.assert_allclose(whole[ring, :2] - centre[:2], factor * (outline - centre)[:, :2], atol=1e-12)
    assert (whole[OUTER, 2] < whole[INNER, 2]).all()
    assert (whole[INNER, 2] < outline[:, 2]).all()


def test_the_inner_border_ring_goes_half_way_and_the_outer_stays() -> None:
    still = head()
    change = np.random.default_rng(0).normal(scale=0.1, size=still.shape)
    difference = with_border_ring(still + change, still) - with_border_ring(still, still)
    np.testing.assert_allclose(difference[:FACE_VERTICES], change, atol=1e-12)
    np.testing.assert_allclose(difference[INNER], change[list(OUTLINE)] / 2, atol=1e-12)
    np.testing.assert_array_equal(difference[OUTER], 0)


def test_the_border_rings_turn_and_grow_with_the_face() -> None:
    still, angle = head(), 0.7
    change = np.random.default_rng(1).normal(scale=0.1, size=still.shape)
    turn = np.array([(np.cos(angle), np.sin(angle), 0), (-np.sin(angle), np.cos(angle), 0), (0, 0, 1)])

    def placed(points: np.ndarray) -> np.ndarray:
        return 37.0 * points @ turn + (100.0, 80.0, -5.0)

    expected = placed(with_border_ring(still + change, still))
    np.testing.assert_allclose(with_border_ring(placed(still + change), placed(still)), expected, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_sampling_against_scipy(channels: int) -> None:
    """scipy counts from the first pixel's centre, we from its corner."""
    interpolated = pytest.importorskip("scipy.ndimage", reason="scipy is the reference").map_coordinates
    random = np.random.default_rng(2)
    image = random.random((9, 14, channels)).astype(np.float32)
    points = random.uniform(-3, 17, (6, 40, 2))
    points[0, :4] = [(0, 0), (14, 9), (13.5, 8.5), (0.5, 0.5)]
    at = (points[..., 1] - 0.5, points[..., 0] - 0.5)
    planes = [interpolated(image[..., k].astype(np.float64), at, order=1, mode="nearest") for k in range(channels)]
    found = sample_bilinear(image, points)
    assert found.shape == (6, 40, channels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(planes, axis=2), atol=2e-6)


def test_sampling_by_hand() -> None:
    image = np.array([(0.0, 1.0), (10.0, 11.0)])[..., None]
    points = np.array([(0.5, 0.5), (1.5, 1.5), (1.0, 1.0), (0.75, 0.5), (-9.0, 0.5), (9.0, 9.0)])
    np.testing.assert_allclose(sample_bilinear(image, points)[:, 0], (0, 11, 5.5, 0.25, 0, 11))


def test_the_whole_frame_is_covered_and_carries_its_own_coordinates(uv_map: UVMap) -> None:
    assert uv_map.triangle.shape == (SIZE, SIZE)
    assert (uv_map.triangle >= 0).all()
    row, column = np.mgrid[:SIZE, :SIZE] + 0.5
    np.testing.assert_allclose(uv_map.interpolate(uv_map.points), np.stack([column, row], axis=2), atol=1e-9)
    np.testing.assert_allclose(uv_map.interpolate(np.full((540, 1), 3.0)), 3.0)
    eyes = uv_map.points[[33, 133, 362, 263]]
    np.testing.assert_allclose(eyes.mean(axis=0), (0.5 * SIZE, 0.36 * SIZE))  # where every crop has them


def test_a_picture_in_the_uv_maps_own_frame_stays(uv_map: UVMap) -> None:
    image = np.random.default_rng(3).random((SIZE, SIZE, 3))
    np.testing.assert_allclose(sample_bilinear(image, uv_map.interpolate(uv_map.points)), image, atol=1e-6)


def test_pulling_a_linear_picture_is_carrying_its_coordinates(uv_map: UVMap) -> None:
    """Bilinear sampling is exact for it, so that only the triangles' own interpolation is left."""
    height, width = 150, 210
    row, column = np.mgrid[:height, :width] + 0.5
    image = np.stack([0.3 * column - 0.1 * row + 4, 0.02 * column + 0.5 * row], axis=2)
    random = np.random.default_rng(4)
    points = uv_map.points @ ((0.9, 0.2), (-0.15, 0.8)) + (50, 15) + random.normal(scale=0.4, size=(540, 2))
    carried = uv_map.interpolate(points)
    expected = uv_map.interpolate(points @ ((0.3, 0.02), (-0.1, 0.5)) + (4, 0))
    within = ((carried > 0.5) & (carried < (width - 0.5, height - 0.5))).all(axis=2)
    assert within.mean() > 0.95
    np.testing.assert_allclose(sample_bilinear(image, carried)[within], expected[within], atol=1e-4)


def test_a_symmetric_template_gives_a_symmetric_uv_map(uv_map: UVMap) -> None:
    for pixels in (mouth_mask(uv_map), skin_mask(uv_map), soft_face_mask(uv_map, 4)):
        np.testing.assert_array_equal(pixels, pixels[:, ::-1])
    depth = uv_map.interpolate(uv_map.template[:, 2:])[..., 0]
    twin = np.abs(depth - depth[:, ::-1]) < 1e-9
    assert twin[skin_mask(uv_map)].mean() > 0.95  # but for the few quads that are split differently


def test_the_parts_have_the_area_of_their_outlines(uv_map: UVMap) -> None:
    mouth, skin = mouth_mask(uv_map), skin_mask(uv_map)
    lips, outline = (area(uv_map.points[list(walk)]) for walk in (INNER_LIPS, OUTLINE))
    corners = uv_map.points[eye_triangles()]
    eyes = sum(area(triangle) for triangle in corners)
    assert lips > 30
    assert mouth.sum() == pytest.approx(lips, rel=0.1)
    assert skin.sum() == pytest.approx(outline - lips - eyes, rel=0.02)
    assert not (mouth & skin).any()
    last = len(face_triangles()) + len(eye_triangles()) + len(mouth_triangles())
    assert uv_map.triangle[mouth].max() < last
    assert skin.dtype == mouth.dtype == bool


def test_the_feather_falls_off_outside_of_the_face_only(uv_map: UVMap) -> None:
    soft = soft_face_mask(uv_map, 4)
    assert soft.min() == 0
    assert soft.max() == 1
    assert (soft_face_mask(uv_map, 1)[mouth_mask(uv_map)] == 1).all()  # mouth and eyes belong to the face
    assert (soft[skin_mask(uv_map)] > 0.85).all()
    middle = soft[SIZE // 2, : SIZE // 2]
    assert (np.diff(middle) >= 0).all()  # rises from the side to the middle
    assert 3 < ((middle > 0) & (middle < 1)).sum() < 16  # over a few feathers
