"""A mouth that closes: by hand on a few landmarks, and on the face that the package carries."""

import numpy as np
import pytest

from facerelief.expressions import EXPRESSIONS
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.lips import (
    LOWER,
    UPPER,
    close_lips,
    closing_movement,
    keeps_mouth_closed,
    lip_colour,
    lip_curves,
    lip_seam,
    lips_depth,
    meeting_lips,
    mouth_opening,
    parted_flows,
    take_gaps,
    trim_lips,
)

SIZE = 64


def landmarks(gap: float, turn: float = 0.0, unit: float = 20.0) -> np.ndarray:
    """A face's eye corners and lips, the eye centres `unit` apart, the lips `gap` of that; turned by radians."""
    points = np.zeros((468, 3))
    points[[33, 133], 0], points[[263, 362], 0] = (-0.7, -0.3), (0.7, 0.3)
    along = np.linspace(-0.3, 0.3, len(UPPER))
    for rim, y in ((UPPER, 1.0 - gap / 2), (LOWER, 1.0 + gap / 2)):
        points[list(rim), 0], points[list(rim), 1] = along, y
    points[[78, 308], 0], points[[78, 308], 1] = (-0.4, 0.4), 1.0
    c, s = np.cos(turn), np.sin(turn)
    points = points * unit
    points[:, :2] = points[:, :2] @ np.array([(c, s), (-s, c)])
    return points + np.array([SIZE / 2, SIZE / 4, 0])


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
@pytest.mark.parametrize("gap", [0.0, 0.1, -0.02])
def test_the_opening_is_measured_along_the_face(gap: float, turn: float) -> None:
    assert mouth_opening(landmarks(gap, turn)) == pytest.approx(gap, abs=1e-9)
    assert mouth_opening(landmarks(gap, turn, unit=3)) == pytest.approx(gap, abs=1e-9)


def test_lips_are_joined_by_a_share_and_nothing_else_moves() -> None:
    points = landmarks(0.2)
    assert mouth_opening(close_lips(points, 1.0)) == pytest.approx(0, abs=1e-9)
    assert mouth_opening(close_lips(points, 0.25)) == pytest.approx(0.15)
    moved = (close_lips(points, 1.0) != points).any(axis=1)
    assert set(np.flatnonzero(moved)) == {*UPPER, *LOWER}
    np.testing.assert_array_equal(close_lips(points, 0.0), points)
    middle = (points[list(UPPER)] + points[list(LOWER)]) / 2
    np.testing.assert_allclose(close_lips(points, 1.0)[list(UPPER)], middle)


def test_lips_take_their_gaps_from_another_place() -> None:
    """A mouth that lies 3 to the right and 5 lower, with lips that overlap, gets 0.4 of the other's opening there."""
    source, points = landmarks(0.2), landmarks(-0.1) + np.array((3.0, 5.0, 0.0))
    taken = take_gaps(points, source, 0.4)
    assert mouth_opening(taken) == pytest.approx(0.08)
    upper, lower = list(UPPER), list(LOWER)
    np.testing.assert_allclose(taken[lower] - taken[upper], np.tile((0, 0.08 * 20, 0), (9, 1)), atol=1e-9)
    np.testing.assert_allclose((taken[lower] + taken[upper]) / 2, (points[lower] + points[upper]) / 2)
    assert set(np.flatnonzero((taken != points).any(axis=1))) == {*UPPER, *LOWER}
    np.testing.assert_allclose(take_gaps(source, source, 1.0), source)
    assert mouth_opening(take_gaps(points, source, 0.0)) == pytest.approx(0, abs=1e-9)


def test_rims_are_drawn_into_the_lips() -> None:
    """Away from the opening, by three tenths of the lips' height (0 and 17 are the middles of their outer borders)."""
    shape = load_face().mean + load_face().expression("happiness")
    cut = trim_lips(shape, np.full((2, 41), 0.3))
    assert (cut[list(UPPER), 1] < shape[list(UPPER), 1]).all()
    assert (cut[list(LOWER), 1] > shape[list(LOWER), 1]).all()
    for rim, skin in ((13, 0), (14, 17)):
        np.testing.assert_allclose(cut[rim] - shape[rim], 0.3 * (shape[skin] - shape[rim]), atol=1e-6)
    np.testing.assert_array_equal(trim_lips(shape, np.zeros((2, 41))), shape)
    lower = np.zeros((2, 41))
    lower[1, 20] = 0.5  # the middle of the lower lip, which is landmark 14
    assert np.flatnonzero((trim_lips(shape, lower) != shape).any(axis=1)).tolist() == [14]


def test_the_depth_of_lips_is_the_mean_of_both() -> None:
    """Along a mouth from x = 10 to 30, the upper lip 6 nearer than its corners, the lower one 2 farther."""
    landmarks = np.zeros((468, 3))
    for rim, z in ((UPPER, 6.0), (LOWER, -2.0)):
        landmarks[list(rim), 0], landmarks[list(rim), 2] = np.linspace(12, 28, 9), z
    landmarks[[78, 308], 0] = 10, 30
    depth = lips_depth(landmarks, 40)
    np.testing.assert_allclose(depth[13:27], 2.0)  # (6 - 2) / 2
    np.testing.assert_allclose(depth[[0, 39]], 0.0)


def test_shutting_closes_by_an_inter_ocular_distance_for_each_unit() -> None:
    face = load_face()
    open_mouth = face.mean + face.expression("surprise")
    for amount in (0.05, 0.1):
        closed = open_mouth + amount * closing_movement(face)
        gap = open_mouth[14, 1] - open_mouth[13, 1] - (closed[14, 1] - closed[13, 1])
        assert gap == pytest.approx(amount, rel=1e-3)


def test_which_expressions_close_the_mouth() -> None:
    face = load_face()
    shut = {name for name in EXPRESSIONS if keeps_mouth_closed(face, face.expression(name))}
    assert {"neutral", "sadness"} <= shut
    assert not shut & {"happiness", "surprise", "fear"}


def test_the_seam_is_a_dark_line_where_the_lips_meet() -> None:
    points = landmarks(0.0)
    points[:, 1] += 0.5  # the seam along the middle of a row of pixels
    drawn = lip_seam(points, 1.0, SIZE)[..., 0]
    row = int(points[13, 1])
    assert (drawn <= 0).all()
    assert np.abs(drawn).argmax(axis=0)[SIZE // 2] == row
    assert drawn[row, SIZE // 2] < -0.3
    assert np.abs(drawn[: row - 4]).max() < 1e-3 and np.abs(drawn[row + 5 :]).max() < 1e-3
    left, right = points[78, 0], points[308, 0]
    outside = (np.arange(SIZE) + 0.5 < left) | (np.arange(SIZE) + 0.5 > right)
    assert not drawn[:, outside].any()
    np.testing.assert_allclose(lip_seam(points, 0.5, SIZE)[..., 0], drawn / 2)


def test_each_lip_keeps_its_flow_to_the_line_and_beyond_it() -> None:
    """Lips 0.2 apart are brought together: at the line each comes from its own rim, away from it from where it did."""
    source, target = landmarks(0.2), close_lips(landmarks(0.2), 1.0)
    lips = meeting_lips(source, target, np.zeros((2, 41)), 0.0)
    assert lips.line[0].tolist() == target[78, :2].tolist() and lips.line[-1].tolist() == target[308, :2].tolist()
    np.testing.assert_allclose(lips.line[:, 1], target[13, 1])
    flow = np.zeros((SIZE, SIZE, 2), np.float32)
    row = int(lips.line[20, 1])
    flow[:row, :, 1], flow[row:, :, 1] = -1.5, 1.5
    parted = parted_flows(flow, lips)
    above, beneath, below = parted.upper, parted.lower, parted.below
    middle = SIZE // 2
    np.testing.assert_allclose(above[row : row + 2, middle], np.tile((0, -2), (2, 1)), atol=1e-5)  # 0.1 of 20
    np.testing.assert_allclose(beneath[row - 2 : row, middle], np.tile((0, 2), (2, 1)), atol=1e-5)
    np.testing.assert_array_equal(above[: row - 5], flow[: row - 5])
    np.testing.assert_array_equal(beneath[row + 6 :], flow[row + 6 :])
    np.testing.assert_allclose(below[:, middle, 0], np.arange(SIZE) + 0.5 - lips.line[20, 1], atol=1e-5)
    outside = np.arange(SIZE) + 0.5 < lips.line[0, 0]
    np.testing.assert_array_equal(above[:, outside], flow[:, outside])


def test_lips_of_small_photos_stay_behind_farther() -> None:
    """A pixel of the photo is 1.2 here: 1.75 of them, of the lips' height at most 0.6."""
    source = landmarks(0.2)
    (upper, lower), _ = lip_curves(source)
    fine, coarse = (meeting_lips(source, source, np.full((2, 41), 0.1), pixel) for pixel in (0.1, 1.2))
    heights = np.linalg.norm(np.diff(np.stack(lip_curves(source)), axis=0)[0], axis=2)
    expected = np.minimum(np.maximum(0.1, 1.75 * 1.2 / heights), 0.6) * heights
    np.testing.assert_allclose(np.linalg.norm(coarse.upper - upper, axis=1), expected[0])
    np.testing.assert_allclose(np.linalg.norm(coarse.lower - lower, axis=1), expected[1])
    assert np.linalg.norm(fine.upper - upper, axis=1)[20] == pytest.approx(0.1 * heights[0, 20])


def test_the_colour_of_lips_is_between_their_rims() -> None:
    points = landmarks(0.1)
    pixels = np.full((SIZE, SIZE, 3), 200, np.uint8)
    for rim, skin in ((UPPER, 0), (LOWER, 17)):  # lips as bars, teeth between them
        low, high = sorted((points[list(rim), 1].mean(), points[skin, 1]))
        pixels[int(low) : int(high) + 1] = (150, 60, 70)
    np.testing.assert_allclose(lip_colour(pixels, points) * 255, (150, 60, 70))
    assert inter_ocular(points) == pytest.approx(20)
