"""Corners of a mouth that lie beyond their landmarks: found by the dark line between the lips."""

import numpy as np
import pytest

from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.morphable.model import load_face
from facerelief.geometry.transfer.expression_transfer import TRANSFER_SIZE
from facerelief.geometry.transfer.lips import LOWER, MOUTH_CORNERS, close_lips, mouth_opening
from facerelief.geometry.transfer.mouth_corners import corner_reach, leaves_corners, with_reach


def drawn(landmarks: np.ndarray, beyond: tuple[float, float], dark: float = 60.0) -> np.ndarray:
    """Skin of level 150 with a line from corner to corner, and so many inter-ocular distances beyond each."""
    unit, (left, right) = inter_ocular(landmarks), landmarks[list(MOUTH_CORNERS), :2]
    along = (right - left) / np.linalg.norm(right - left)
    start, end = left - beyond[0] * unit * along, right + beyond[1] * unit * along
    y, x = np.indices((TRANSFER_SIZE, TRANSFER_SIZE)) + 0.5
    places = np.dstack([x, y]) - start
    at = places @ along
    off = np.abs(places @ np.array((-along[1], along[0])))
    line = np.clip(1.5 - off, 0, 1) * (at > 0) * (at < (end - start) @ along)
    return np.repeat((150 - (150 - dark) * line)[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    """(468, 3), pixels of a crop: the mean face, with lips that meet."""
    return close_lips(load_face().mean * 53.0 + (TRANSFER_SIZE / 2, 60, 0), 1.0)


@pytest.mark.parametrize("beyond", [(0.0, 0.0), (0.06, 0.0), (0.0, 0.08), (0.05, 0.07)])
def test_a_line_that_goes_on_is_followed_to_its_end(landmarks: np.ndarray, beyond: tuple[float, float]) -> None:
    reach = corner_reach(drawn(landmarks, beyond), landmarks)
    assert np.abs(reach[:, 0] - (-beyond[0], beyond[1])).max() < 0.03
    assert np.abs(reach[:, 1]).max() < 0.03


def test_no_line_no_reach(landmarks: np.ndarray) -> None:
    plain = np.full((TRANSFER_SIZE, TRANSFER_SIZE, 3), 150, np.uint8)
    assert not corner_reach(plain, landmarks).any()
    assert not corner_reach(drawn(landmarks, (0.08, 0.08), dark=145), landmarks).any()  # five levels are no line


def test_it_is_never_followed_far(landmarks: np.ndarray) -> None:
    reach = corner_reach(drawn(landmarks, (0.4, 0.4)), landmarks)
    assert np.linalg.norm(reach, axis=1).max() < 0.12


def test_a_grown_picture_gives_the_same(landmarks: np.ndarray) -> None:
    small = drawn(landmarks, (0.06, 0.06))
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    assert np.abs(corner_reach(large, 3 * landmarks) - corner_reach(small, landmarks)).max() < 0.02


@pytest.mark.parametrize("opening", [0.0, 0.4])
def test_corners_go_all_the_way_and_the_rest_of_the_face_stays(landmarks: np.ndarray, opening: float) -> None:
    reach = np.array([(-0.05, 0.01), (0.07, -0.02)])
    shift = (with_reach(landmarks, reach, opening) - landmarks) / inter_ocular(landmarks)
    assert shift[list(MOUTH_CORNERS), :2] == pytest.approx(reach, abs=1e-6)
    assert np.abs(shift[[1, 152, 33, 263, 0, 17]]).max() < 0.003  # nose, chin, eyes, the middles of the lips
    assert not shift[:, 2].any()


def test_what_is_around_a_corner_goes_along_by_how_far_the_mouth_opens(landmarks: np.ndarray) -> None:
    """By exp(-d^2 / 2) at d deviations: 0.04 inter-ocular distances of a smile, 0.09 of a wide mouth, 0.065 between."""
    reach, near = np.array([(0.05, 0.0), (0.0, 0.0)]), 61  # the outer corner of the lips
    away = np.linalg.norm((landmarks[near] - landmarks[MOUTH_CORNERS[0]])[:2]) / inter_ocular(landmarks)
    for opening, deviation in ((0.1, 0.04), (0.21, 0.065), (0.5, 0.09)):
        shift = (with_reach(landmarks, reach, opening) - landmarks)[near, 0] / inter_ocular(landmarks)
        assert shift == pytest.approx(0.05 * np.exp(-0.5 * (away / deviation) ** 2), rel=1e-3)


def test_a_mouth_that_gets_narrower_or_opens_would_leave_its_corners_behind(landmarks: np.ndarray) -> None:
    """Wholly if by 0.08 inter-ocular distances, half (smoothstep) if by 0.04; or opens by 0.1 and 0.065."""
    unit, (left, right) = inter_ocular(landmarks), MOUTH_CORNERS

    def changed(narrower: float, opened: float) -> np.ndarray:
        points = landmarks.copy()
        along = (points[right] - points[left]) / np.linalg.norm((points[right] - points[left])[:2])
        points[left] += narrower / 2 * unit * along
        points[right] -= narrower / 2 * unit * along
        points[list(LOWER), 1] += opened * unit
        return points

    assert mouth_opening(changed(0, 0.2)) - mouth_opening(landmarks) == pytest.approx(0.2, abs=0.01)
    for narrower, opened, share in (
        (0, 0, 0),
        (-0.1, 0.02, 0),
        (0.04, 0, 0.5),
        (0.1, 0, 1),
        (-0.1, 0.065, 0.5),
        (0, 0.15, 1),
    ):
        assert leaves_corners(landmarks, changed(narrower, opened)) == pytest.approx(share, abs=0.1)
    for shut, share in ((0.02, 0), (0.055, 0.5), (0.1, 1)):  # the dark between open lips reaches the corners
        assert leaves_corners(changed(0, shut), landmarks) == pytest.approx(share, abs=0.1)
