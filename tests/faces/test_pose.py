"""Where a head looks, for a head turned by known angles."""

import numpy as np
import pytest

from facerelief.faces.pose import head_pose

NOSE = 1


def head() -> np.ndarray:
    """Looking at the viewer: cheeks at the sides, forehead above (y is down), nose in front."""
    points = np.zeros((468, 3))
    points[[234, 454, 10, 152, NOSE]] = [(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, 1)]
    return points * 50 + (200, 300, 0)


def turned(axis: int, degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[[a, a, b, b], [a, b, a, b]] = (cos, -sin, sin, cos)
    return head() @ matrix.T


def test_a_head_that_looks_at_the_viewer() -> None:
    assert head_pose(head()) == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("degrees", [-40, -5, 20, 60])
def test_turning_one_way_is_seen_as_that(degrees: float) -> None:
    right, up, clockwise = turned(1, degrees), turned(0, degrees), turned(2, degrees)
    sign = np.sign(degrees)
    middle = right[[234, 454]].mean(axis=0)
    assert np.sign((right[NOSE] - middle)[0]) == sign  # the nose points to the picture's right
    assert head_pose(right) == pytest.approx((degrees, 0, 0))
    middle = up[[234, 454]].mean(axis=0)
    assert np.sign((up[NOSE] - middle)[1]) == -sign  # the nose points up
    assert head_pose(up) == pytest.approx((0, degrees, 0))
    assert np.sign((clockwise[454] - clockwise[234])[1]) == sign  # the picture's right side sinks
    assert head_pose(clockwise) == pytest.approx((0, 0, degrees))
