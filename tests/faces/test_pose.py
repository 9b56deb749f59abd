"""Head pose of points turned by known angles, and of a portrait that is turned in the picture."""

import math

import numpy as np
import pytest
from PIL import Image

from facerelief.faces.detector import LandmarkFinder
from facerelief.faces.pose import head_pose

RIGHT, LEFT, TOP, CHIN = 454, 234, 10, 152  # as seen in the picture


def head() -> np.ndarray:
    """Landmarks (468, 3) of a head that looks at the viewer; y down, z towards the viewer."""
    points = np.zeros((468, 3))
    points[[RIGHT, LEFT, TOP, CHIN]] = [(70, 0, 0), (-70, 0, 0), (0, -90, 0), (0, 90, 0)]
    return points


def turned(points: np.ndarray, axes: tuple[int, int], degrees: float) -> np.ndarray:
    """Turned so that the first axis moves towards the second."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second = axes
    out = points.copy()
    out[:, first] = points[:, first] * c - points[:, second] * s
    out[:, second] = points[:, first] * s + points[:, second] * c
    return out


X, Y, Z = 0, 1, 2


def test_a_head_that_looks_at_the_viewer() -> None:
    assert head_pose(head()) == (0, 0, 0)
    assert head_pose(head().astype(np.float32) * 0.3 + (50, 80, 9)) == (0, 0, 0)  # neither place nor size matter


@pytest.mark.parametrize("degrees", [-75, -20, 5, 45, 80])
def test_one_angle_at_a_time(degrees: float) -> None:
    right = turned(head(), (Z, X), degrees)  # what points to the viewer moves to the right
    up = turned(head(), (Z, Y), -degrees)  # y is down
    clockwise = turned(head(), (X, Y), degrees)
    assert head_pose(right) == pytest.approx((degrees, 0, 0), abs=1e-9)
    assert head_pose(up) == pytest.approx((0, degrees, 0), abs=1e-9)
    assert head_pose(clockwise) == pytest.approx((0, 0, degrees), abs=1e-9)


def test_the_tilt_in_the_picture_does_not_change_the_rest() -> None:
    looks_right = turned(head(), (Z, X), 30)
    assert head_pose(turned(looks_right, (X, Y), 20)) == pytest.approx((30, 0, 20), abs=1e-9)


def test_a_portrait_turned_in_the_picture(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    yaw, pitch, roll = head_pose(finder(portrait)[0].landmarks)
    assert max(abs(yaw), abs(pitch), abs(roll)) < 15
    for degrees in (-20, 15):
        picture = Image.fromarray(portrait).rotate(-degrees, Image.Resampling.BICUBIC, center=(225, 125))
        yaw_now, _, roll_now = head_pose(finder(np.asarray(picture))[0].landmarks)
        assert roll_now - roll == pytest.approx(degrees, abs=3)
        assert yaw_now == pytest.approx(yaw, abs=5)


def test_a_mirrored_portrait_looks_the_other_way(finder: LandmarkFinder, portrait: np.ndarray) -> None:
    narrow = Image.fromarray(portrait).crop((150, 40, 300, 200))
    yaw, pitch, roll = head_pose(finder(np.asarray(narrow))[0].landmarks)
    mirrored = narrow.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert head_pose(finder(np.asarray(mirrored))[0].landmarks) == pytest.approx((-yaw, pitch, -roll), abs=3)
