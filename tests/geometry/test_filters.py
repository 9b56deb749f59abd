"""Filters against scipy's."""

import numpy as np
import pytest
from scipy import ndimage

from facerelief.geometry.filters import (
    Edge,
    box_mean,
    closing,
    enclosed,
    gaussian,
    grown,
    largest,
    smallest,
    steepness,
)

SCIPYS = {"mirror": "reflect", "repeat": "nearest"}


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).random((40, 31))


@pytest.mark.parametrize("edge", ["mirror", "repeat"])
@pytest.mark.parametrize("deviations", [0.6, 3.0, (0.0, 2.5), (12.0, 1.0)])
def test_gaussian(picture: np.ndarray, deviations: float | tuple[float, float], edge: Edge) -> None:
    """The widest reaches beyond the mirror image of the whole picture."""
    expected = ndimage.gaussian_filter(picture, deviations, mode=SCIPYS[edge], truncate=3.0)
    np.testing.assert_allclose(gaussian(picture, deviations, edge, truncate=3.0), expected, atol=1e-12)


def test_gaussian_of_single_precision_stays_so(picture: np.ndarray) -> None:
    colours = np.stack([picture] * 3, axis=2).astype(np.float32)
    blurred = gaussian(colours, (2.0, 2.0, 0.0))
    assert blurred.dtype == np.float32
    np.testing.assert_allclose(blurred, ndimage.gaussian_filter(colours, (2.0, 2.0, 0.0)), atol=1e-6)


@pytest.mark.parametrize("width", [1, 3, 4, 11])
def test_box_mean(picture: np.ndarray, width: int) -> None:
    for axis in (0, 1):
        expected = ndimage.uniform_filter1d(picture, width, axis)
        np.testing.assert_allclose(box_mean(picture, width, axis), expected, atol=1e-12)


@pytest.mark.parametrize("edge", ["mirror", "repeat"])
@pytest.mark.parametrize("widths", [(1, 3), (5, 5), (23, 9)])
def test_extremes(picture: np.ndarray, widths: tuple[int, int], edge: Edge) -> None:
    mode = SCIPYS[edge]
    np.testing.assert_array_equal(largest(picture, widths, edge), ndimage.maximum_filter(picture, widths, mode=mode))
    np.testing.assert_array_equal(smallest(picture, widths, edge), ndimage.minimum_filter(picture, widths, mode=mode))


@pytest.mark.parametrize("widths", [(1, 4), (1, 5), (3, 3), (8, 6)])
def test_closing(picture: np.ndarray, widths: tuple[int, int]) -> None:
    np.testing.assert_array_equal(closing(picture, widths), ndimage.grey_closing(picture, widths))


def test_closing_of_colours_and_masks(picture: np.ndarray) -> None:
    colours = (np.stack([picture, picture.T[:31].repeat(2, 0)[:40, :31], picture], axis=2) * 255).astype(np.uint8)
    np.testing.assert_array_equal(closing(colours, (3, 3)), ndimage.grey_closing(colours, (3, 3, 1)))
    mask = np.pad(picture > 0.7, 5)
    expected = ndimage.binary_closing(mask, np.ones((1, 5), bool))
    np.testing.assert_array_equal(closing(mask, (1, 5)), expected)


def test_steepness(picture: np.ndarray) -> None:
    np.testing.assert_allclose(steepness(picture), ndimage.sobel(picture, axis=0), atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_masks(seed: int) -> None:
    """Holes within islands within holes, and bays that wind."""
    mask = np.random.default_rng(seed).random((60, 70)) > 0.45
    np.testing.assert_array_equal(mask | enclosed(mask), ndimage.binary_fill_holes(mask))
    np.testing.assert_array_equal(grown(mask, 3), ndimage.binary_dilation(mask, iterations=3))


def test_a_spiral_is_open() -> None:
    """Its way out turns at every step of the search."""
    spiral = np.zeros((21, 21), bool)
    row = column = 10
    for turn in range(1, 19):
        down, right = ((0, 1), (1, 0), (0, -1), (-1, 0))[turn % 4]
        for _ in range(turn):
            row, column = row + down, column + right
            if 0 <= row < 21 and 0 <= column < 21:
                spiral[row, column] = True
    spiral = np.kron(spiral, np.ones((2, 2), bool))
    np.testing.assert_array_equal(enclosed(spiral), ndimage.binary_fill_holes(spiral) & ~spiral)
