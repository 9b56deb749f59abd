"""Pictures for networks: bilinear samples of a photo, whose border is repeated.

Places are rounded to 1/32 pixel and weighted in whole numbers, as OpenCV's `warpPerspective` does for MediaPipe, so
that the networks see the same pixels. A place is that of a pixel's centre: 0 is the first pixel.
"""

import numpy as np
from numpy.typing import NDArray

from facerelief.array_types import RGB, Float64

_BITS = 5  # of a pixel's 32 steps
_STEPS = 1 << _BITS
_ROWS = 64  # sampled at a time: memory for all of them would be given back and asked for again at every call


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
    found = np.empty((len(y), x.shape[1], 3), dtype=np.uint8)
    pixels = np.ascontiguousarray(rgb).reshape(-1, 3)
    for start in range(0, len(y), _ROWS):
        part = slice(start, start + _ROWS)
        found[part] = _sample(pixels, rgb.shape, x if len(x) == 1 else x[part], y[part])
    return found


def _sample(pixels: RGB, shape: tuple[int, ...], x: Float64, y: Float64) -> RGB:
    (columns, right), (rows, down) = _neighbours(x, shape[1]), _neighbours(y, shape[0])
    # Colours are no dimension of their own: numpy would loop over each three of them.
    places = (row * shape[1] + column for row in rows for column in columns)
    corners = (pixels.take(place, axis=0).reshape(len(y), -1).astype(np.int16) for place in places)
    top_left, top_right, low_left, low_right = corners
    top = top_left * np.int16(_STEPS) + (top_right - top_left) * right
    low = low_left * np.int16(_STEPS) + (low_right - low_left) * right
    blend = top.astype(np.int32) * _STEPS + (low - top) * down.astype(np.int32)
    return ((blend + _STEPS * _STEPS // 2) >> 2 * _BITS).astype(np.uint8).reshape(len(y), -1, 3)


def _neighbours(places: Float64, count: int) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], NDArray[np.int16]]:
    """The pixels before and after places, and how far on they are, in steps, for each colour."""
    steps = np.rint(places * _STEPS).astype(np.intp)
    first = steps >> _BITS
    after = first + 1
    if first.min() < 0 or after.max() >= count:
        first, after = (np.clip(one, 0, count - 1) for one in (first, after))
    share = (steps & (_STEPS - 1)).astype(np.int16)
    return (first, after), share if places.shape[1] == 1 else np.repeat(share, 3, axis=1)
