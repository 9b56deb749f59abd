"""Bicubic samples against torch's, and by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facerelief.faces.bicubic import sample_bicubic


@pytest.mark.parametrize(("height", "width"), [(40, 60), (1, 1), (2, 3), (300, 5)])
def test_samples_are_those_of_torch(height: int, width: int) -> None:
    random = np.random.default_rng(height)
    rgb = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    points = random.uniform(-9, 9 + max(height, width), (90, 250, 2)).astype(np.float32)  # half of them lie outside
    grid = torch.from_numpy(points * (2 / np.array((width, height), np.float32)) - 1)[None]
    planes = torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32))[None]
    expected = F.grid_sample(planes, grid, mode="bicubic", padding_mode="border", align_corners=False)
    found = sample_bicubic(rgb, points)
    assert (found.dtype, found.shape) == (np.float32, (*points.shape[:2], 3))
    np.testing.assert_allclose(found, expected[0].permute(1, 2, 0).numpy(), atol=0.25)


def test_what_overshoots_most() -> None:
    """Black and white pixels in turn, as far over the range of levels as a cubic curve goes."""
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[2:4, 2:4] = 255
    points = np.full((1, 1, 2), 3.0, np.float32)  # between the four white ones: 1.1875 squared
    np.testing.assert_allclose(sample_bicubic(rgb, points)[0, 0], 255 * 1.1875**2, atol=0.2)
    np.testing.assert_allclose(sample_bicubic(255 - rgb, points)[0, 0], 255 - 255 * 1.1875**2, atol=0.2)


def test_no_points() -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    assert sample_bicubic(rgb, np.zeros((0, 5, 2), np.float32)).shape == (0, 5, 3)
    assert sample_bicubic(rgb, np.zeros((5, 0, 2), np.float32)).shape == (5, 0, 3)
