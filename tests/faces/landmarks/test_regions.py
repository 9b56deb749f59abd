"""Regions around faces, by hand."""

import numpy as np
import pytest

from facerelief.faces.landmarks.detection import Detection
from facerelief.faces.landmarks.regions import Region, distinct, region_of_detection


def test_the_region_of_a_detection() -> None:
    """A box of 60 x 40 in a square of 200 that starts at (-50, 10), eyes one right of and below the other."""
    eyes = np.array([(0.4, 0.5), (0.5, 0.6)])
    region = region_of_detection(Detection(np.array([0.3, 0.4, 0.6, 0.6]), eyes, 0.9), 200, 50, -10)
    assert (region.x, region.y, region.side) == pytest.approx((40, 110, 90))
    assert region.angle == pytest.approx(np.pi / 4)


def test_there_and_back() -> None:
    """A point of the cut is the pixel of the photo that is shown there."""
    rgb = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    region = Region(150, 140, 192, np.pi / 2)  # a quarter turn at the photo's own size: every pixel is one of it
    cut = region.cut(rgb)
    for x, y in ((0, 0), (100, 30), (191, 191)):
        (right, down, _), *_ = region.to_photo(np.array([[x, y, 0.0]]))
        assert cut[y, x].tolist() == rgb[round(down), round(right)].tolist()


def test_depth_is_scaled_and_grows_towards_the_viewer() -> None:
    assert Region(0, 0, 96, 1.0).to_photo(np.array([[96.0, 96.0, -30.0]]))[0].tolist() == [0, 0, 15]


def test_of_two_regions_of_one_face_the_later_is_kept() -> None:
    near, same, other = Region(50, 50, 40, 0), Region(52, 50, 40, 0.5), Region(90, 50, 40, 0)
    assert distinct([near, other, same]) == [other, same]
    assert distinct([]) == []
