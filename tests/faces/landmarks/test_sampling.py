"""Samples of photos, against OpenCV where it is installed, and by hand."""

import numpy as np
import pytest

from facerelief.faces.landmarks.regions import MESH_SIDE, Region
from facerelief.faces.landmarks.sampling import sample


def test_the_mean_of_four_pixels() -> None:
    rgb = np.array([[[0, 10, 255]] * 2, [[100, 20, 255]] * 2], np.uint8)
    assert sample(rgb, np.array([[0.5]]), np.array([[0.5]]))[0, 0].tolist() == [50, 15, 255]


def test_places_are_rounded_to_a_32nd_of_a_pixel() -> None:
    rgb = np.array([[[0, 0, 0], [64, 64, 64]]], np.uint8)
    found = sample(rgb, np.array([[0.49 / 32, 0.51 / 32, 1.49 / 32]]), np.array([[0.0]]))
    assert found[0, :, 0].tolist() == [0, 2, 2]


def test_pixels_are_those_of_the_photo_and_its_border_is_repeated() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    found = sample(rgb, np.arange(-3.0, 95)[None], np.arange(-5.0, 80)[:, None])
    assert np.array_equal(found, np.pad(rgb, ((5, 10), (3, 5), (0, 0)), mode="edge"))


def test_a_part_of_a_photo_is_sampled_as_its_copy() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    x, y = np.linspace(-1, 20, 9)[None], np.linspace(-2, 25, 130)[:, None]
    assert np.array_equal(sample(rgb[5:30, 7:28], x, y), sample(rgb[5:30, 7:28].copy(), x, y))


@pytest.mark.parametrize("region", [Region(60, 50, 80, 0.0), Region(20, 90, 150.5, 0.7), Region(70.3, 40.2, 33, -2.5)])
def test_a_turned_region_is_cut_as_opencv_does(region: Region) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV, which comes with mediapipe, is not installed")
    rgb = np.random.default_rng(1).integers(0, 256, (110, 130, 3), dtype=np.uint8)
    corners = cv2.boxPoints(((region.x, region.y), (region.side, region.side), np.degrees(region.angle)))
    side = MESH_SIDE
    matrix = cv2.getPerspectiveTransform(corners, np.float32([[0, side], [0, 0], [side, 0], [side, side]]))
    expected = cv2.warpPerspective(rgb, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    differs = np.abs(region.cut(rgb).astype(int) - expected)
    assert (differs > 0).mean() < 0.01  # where a place lies halfway between two steps
    assert differs.max() <= 16  # a step of 1/32 across two pixels of noise
