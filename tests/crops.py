"""Crops of a small photo, and analytic pictures of its size."""

import numpy as np

from facerelief.faces.alignment import Crop

HEIGHT, WIDTH = 90, 120  # the photo


def similarity(scale: float, degrees: float, shift: tuple[float, float]) -> np.ndarray:
    turn = np.radians(degrees)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.column_stack([linear, shift])


def centred(scale: float, degrees: float, size: int, at: tuple[float, float] = (60.0, 45.0)) -> Crop:
    """A crop of `size` pixels whose middle shows `at` of the photo."""
    linear = similarity(scale, degrees, (0, 0))[:, :2]
    return Crop(np.column_stack([linear, size / 2 - linear @ at]), size)


def centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    row, column = np.mgrid[:height, :width] + 0.5
    return column, row


def slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Three channels, linear in place: across, down, and both; 8 to 248."""
    return np.stack([8 + 2 * x, 8 + 2.5 * y, 128 + x - y], axis=-1)
