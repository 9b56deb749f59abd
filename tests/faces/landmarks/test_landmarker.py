"""Landmarks by the package's networks: against mediapipe, of turned faces, and followed."""

import threading

import numpy as np
import pytest
from PIL import Image

from facerelief.faces.alignment import inter_ocular
from facerelief.faces.detector import LandmarkFinder, load_finder
from facerelief.faces.landmarks.landmarker import FarFaceProposer, NetworkLandmarker
from facerelief.faces.pose import head_pose


def turned(portrait: np.ndarray, angle: float) -> np.ndarray:
    """Anticlockwise, in degrees, about its centre (256, 256)."""
    return np.asarray(Image.fromarray(portrait).rotate(angle, Image.Resampling.BICUBIC))


def apart(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distances in inter-ocular distances."""
    return np.linalg.norm((points - others)[:, :2], axis=1) / inter_ocular(others)


@pytest.fixture(scope="module")
def oracle() -> LandmarkFinder:
    pytest.importorskip("mediapipe", exc_type=ImportError, reason="mediapipe is not installed")
    return load_finder("mediapipe")


@pytest.mark.parametrize("angle", [0, 25, -40])
@pytest.mark.parametrize("side", [160, 512, 900])
def test_landmarks_are_those_of_mediapipe(
    finder: LandmarkFinder, oracle: LandmarkFinder, portrait: np.ndarray, angle: float, side: int
) -> None:
    photo = np.asarray(Image.fromarray(turned(portrait, angle)).resize((side, side)))
    found, expected = finder(photo), oracle(photo)
    assert len(found) == len(expected) == 1
    distances = apart(found[0].landmarks, expected[0].landmarks)
    # Where places are rounded alike 1e-5; elsewhere another box may count, or a crop start a pixel off.
    assert np.median(distances) < 0.005
    assert distances.max() < 0.02
    depth = np.abs(found[0].landmarks - expected[0].landmarks)[:, 2]
    assert depth.max() < 0.01 * inter_ocular(expected[0].landmarks)


def test_many_faces_are_those_of_mediapipe(
    finder: LandmarkFinder, oracle: LandmarkFinder, portrait: np.ndarray
) -> None:
    """Near and far ones, in a photo that is searched in windows."""
    photo = Image.new("RGB", (1500, 1100), (120, 130, 140))
    for x, y, side in ((50, 60, 600), (800, 100, 300), (1200, 700, 110)):
        photo.paste(Image.fromarray(portrait).resize((side, side)), (x, y))
    found, expected = finder(np.asarray(photo)), oracle(np.asarray(photo))
    assert len(found) == len(expected) == 3
    for one, other in zip(found, expected, strict=True):
        assert np.median(apart(one.landmarks, other.landmarks)) < 0.02  # half a pixel of the smallest


def test_a_turned_face_is_found_turned(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    upright = finder(portrait)[0].landmarks
    for angle in (15, -30, 45):
        found = finder(turned(portrait, angle))[0].landmarks
        assert head_pose(found)[2] - head_pose(upright)[2] == pytest.approx(-angle, abs=3)
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        expected = (upright[:, :2] - 256) @ np.array([[cos, -sin], [sin, cos]]) + 256
        assert np.median(apart(found[:, :2], expected)) < 0.04


def test_a_face_is_followed_as_it_is_found(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    """From where it was a few pixels, or a fifth of the face, away."""
    (face,) = finder(portrait)
    for right, down, near in ((0, 0, 0.03), (6, -4, 0.03), (20, 10, 0.04)):
        moved = np.roll(portrait, (down, right), axis=(0, 1))
        followed = finder.follow(moved, face)
        assert followed is not None
        assert np.median(apart(followed.landmarks - (right, down, 0), face.landmarks)) < near


def test_a_face_that_has_gone_is_lost(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    (face,) = finder(portrait)
    assert finder.follow(np.full_like(portrait, 90), face) is None


def test_a_border_only_shows_more(portrait: np.ndarray) -> None:
    """Faces that fill a tight crop are found with a border around it, in the crop's own pixels."""
    crop = np.ascontiguousarray(portrait[60:190, 165:285])
    (points,) = NetworkLandmarker()(crop, 0.3)
    np.testing.assert_allclose(points[1, :2], (225 - 165, 127 - 60), atol=5)  # the nose's tip, read off by eye


def test_boxes_of_far_faces_hold_them(portrait: np.ndarray) -> None:
    (corners,) = FarFaceProposer()(portrait, 0)
    np.testing.assert_allclose(corners, [(178, 75, 0), (272, 172, 0)], atol=15)  # by eye
    assert FarFaceProposer()(np.zeros((90, 60, 3), np.uint8), 0) == []


def test_threads_share_a_finder(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    expected, found = finder(portrait)[0].landmarks, list[np.ndarray]()
    threads = [threading.Thread(target=lambda: found.append(finder(portrait)[0].landmarks)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one, expected) for one in found)
