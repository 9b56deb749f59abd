"""Pictures for networks: bilinear samples of a photo, whose border is repeated.

Places are rounded to 1/32 pixel and weighted in whole numbers, as OpenCV's `warpPerspective` does for MediaPipe, so
that the networks see the same pixels. A place is that of a pixel's centre: 0 is the first pixel.

The three colours of a pixel are fetched as one number; then red and blue are weighted in the halves of one, and green
in another.
"""

import numpy as np
from numpy.typing import NDArray

from facerelief.array_types import RGB, Float64

_BITS = 5  # of a pixel's 32 steps
_STEPS, _BOTH = np.uint32(1 << _BITS), np.uint32(2 * _BITS)
_ROUND = np.uint32(1 << 2 * _BITS - 1)  # half a level
_BYTE, _HALF = np.uint32(8), np.uint32(16)  # the second are bits of a colour along a row: 8 of its level, 5 of a weight
_RED, _RED_BLUE, _LOW = np.uint32(0xFF), np.uint32(0xFF00FF), np.uint32(0xFFFF)

UInt32 = NDArray[np.uint32]
Int32 = NDArray[np.int32]


def sample(rgb: RGB, x: Float64, y: Float64) -> RGB:
    """Samples of a photo.

    Args:
        rgb: (H, W, 3).
        x: Columns, (h, w), or (1, w) where they are those of all rows.
        y: Rows, (h, w), or (h, 1).

    Returns:
        (h, w, 3).

    Example:
        >>> rgb = np.array([[[0, 0, 0], [100, 10, 200]]], np.uint8)
        >>> sample(rgb, np.array([[-1.0, 0.25, 0.5, 2.0]]), np.array([[0.0]]))[0].tolist()
        [[0, 0, 0], [25, 3, 50], [50, 5, 100], [100, 10, 200]]
    """
    if 1 in rgb.shape[:2]:
        rgb = np.pad(rgb, ((0, 1), (0, 1), (0, 0)), mode="edge")
    (column, right), (row, down) = _neighbours(x, rgb.shape[1]), _neighbours(y, rgb.shape[0])
    left, end = int(column.min()), int(column.max()) + 2
    if row.shape[1] == 1:  # the rows that are needed, then those below them
        seen = rgb[np.concatenate([row[:, 0], row[:, 0] + 1]), left:end]
        row, below = np.arange(len(row), dtype=np.int32)[:, None], len(row)
    else:
        top, bottom = int(row.min()), int(row.max()) + 2
        seen, row, below = rgb[top:bottom, left:end], row - top, 1
    numbers, width = _numbers(seen), end - left
    first = row * np.int32(width) + (column - left)
    rows = []
    for start in (0, below * width):
        one, other = numbers[start:].take(first), numbers[start + 1 :].take(first)
        red_blue = _between(one & _RED_BLUE, other & _RED_BLUE, right)
        rows.append((red_blue, _between(one >> _BYTE & _RED, other >> _BYTE & _RED, right)))
    (red_blue, green), (red_blue_low, green_low) = rows
    red, blue = ((red_blue & _LOW, red_blue_low & _LOW), (red_blue >> _HALF, red_blue_low >> _HALF))
    found = np.empty((*first.shape, 3), dtype=np.uint8)
    for k, (upper, lower) in enumerate((red, (green, green_low), blue)):
        found[..., k] = (_between(upper, lower, down) + _ROUND) >> _BOTH
    return found


def _numbers(rgb: RGB) -> UInt32:
    """Each pixel of a photo (H, W, 3) as a number: red + 256 green + 65536 blue, and above that anything."""
    levels = np.empty(rgb.size + 1, dtype=np.uint8)
    levels[:-1].reshape(rgb.shape)[:] = rgb
    return np.ndarray(rgb.size // 3, "<u4", levels, strides=(3,)).astype(np.uint32)


def _between(first: UInt32, second: UInt32, share: UInt32) -> UInt32:
    """32 times the numbers between others; share: how far on they are, in steps."""
    return first * (_STEPS - share) + second * share


def _neighbours(places: Float64, count: int) -> tuple[Int32, UInt32]:
    """The pixels before places, of which one more lies after, and how far on places are, 0 to 32 steps."""
    steps = np.rint(places * int(_STEPS)).astype(np.int32)
    first = steps >> _BITS
    if first.min() < 0 or first.max() > count - 2:
        steps = np.clip(steps, 0, (count - 1) << _BITS)
        first = np.minimum(steps >> _BITS, count - 2)
    return first, (steps - (first << _BITS)).view(np.uint32)
