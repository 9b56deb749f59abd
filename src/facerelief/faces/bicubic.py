"""Bicubic samples of a photo at any points (Keys, 1981, a = -0.75, as OpenCV and torch), its border repeated.

The three colours of a pixel travel in one whole number, and are added up along a row at once: the cost is in fetching.
"""

from typing import Any

import numpy as np

from facerelief.array_types import RGB, Float32, Floats

_A = np.float32(-0.75)
_FIELD = 21  # bits of a colour within a number: 8 of a level, 11 of a weight, and 2 of overshoot
_ONE = 1 << 11  # the weight 1 along a row
_MASK = (1 << _FIELD) - 1
_BELOW = 1 << 18  # what is added to each colour: overshoot may be negative, -48 levels at most
_ALL_BELOW = _BELOW | _BELOW << _FIELD | _BELOW << 2 * _FIELD
_POINTS = 15_000  # sampled at a time: they stay in the processor's cache


def sample_bicubic(rgb: RGB, points: Floats) -> Float32:
    """Cubic values of a photo.

    Args:
        rgb: (H, W, 3).
        points: (h, w, 2), right and down, in the photo's pixels: 0.5 is the first pixel's centre.

    Returns:
        Levels, (h, w, 3), planar in memory, which makes later operations several times as fast. They are within 0.2
        levels of exact ones, and exact at pixels' centres.

    Example:
        >>> rgb = np.array([[[0, 0, 0], [0, 0, 0], [100, 10, 200], [100, 10, 200]]], np.uint8)
        >>> sample_bicubic(rgb, np.array([[[2.0, 0.5], [2.5, 0.5], [9.0, -3.0]]])).tolist()
        [[[50.0, 5.0, 100.0], [100.0, 10.0, 200.0], [100.0, 10.0, 200.0]]]
    """
    height, width = points.shape[:2]
    found = np.empty((3, height, width), dtype=np.float32)
    if found.size:
        x, y = (points[..., k].astype(np.float32) - np.float32(0.5) for k in (0, 1))
        numbers, left, top = _packed(rgb, x, y)
        x, y = x - np.float32(left), y - np.float32(top)
        step = max(1, _POINTS // width)
        for start in range(0, height, step):
            part = slice(start, start + step)
            for k, colour in enumerate(_sampled(numbers, x[part].ravel(), y[part].ravel())):
                found[k, part] = colour.reshape(-1, width)
    return found.transpose(1, 2, 0)


def _packed(rgb: RGB, x: Float32, y: Float32) -> tuple[np.ndarray, int, int]:
    """What points see of a photo, its colours in one number, two pixels more on each side; and its left and top."""
    ends = [(int(np.floor(v.min())), int(np.floor(v.max()))) for v in (x, y)]  # each by itself: faster than by an axis
    (left, right), (top, bottom) = (
        (min(max(low, 0), side - 1), min(max(high, 0), side - 1))
        for (low, high), side in zip(ends, rgb.shape[1::-1], strict=True)
    )
    rows, columns = (
        np.clip(np.arange(low - 2, high + 4), 0, side - 1)
        for low, high, side in ((top, bottom, rgb.shape[0]), (left, right, rgb.shape[1]))
    )
    region = rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    numbers = region[..., 2].astype(np.int64)
    for colour in (1, 0):
        numbers <<= _FIELD
        numbers |= region[..., colour]
    return numbers[rows - rows[0]][:, columns - columns[0]], left - 2, top - 2


def _sampled(numbers: np.ndarray, x: Float32, y: Float32) -> list[Float32]:
    """The three colours (N,) of packed numbers (h, w) at columns and rows (N,); beyond them, the border's."""
    (column, across), (row, down) = (_places(v, side) for v, side in ((x, numbers.shape[1]), (y, numbers.shape[0])))
    taps = [np.rint(weight * _ONE).astype(np.int64) for weight in _weights(across)]
    taps[2] = _ONE - taps[0] - taps[1] - taps[3]
    width, pixels = numbers.shape[1], numbers.ravel()
    first = (row - 1) * width + column - 1
    found: list[Float32] = []
    for k, weight in enumerate(_weights(down)):
        line = pixels[k * width :].take(first)
        line *= taps[0]
        for j in (1, 2, 3):
            tap = pixels[k * width + j :].take(first)
            tap *= taps[j]
            line += tap
        line += _ALL_BELOW
        share = weight / _ONE
        fields = (line & _MASK, (line >> _FIELD) & _MASK, line >> 2 * _FIELD)
        colours = [field.astype(np.float32) for field in fields]
        for colour in colours:
            colour *= share
        found = [one + more for one, more in zip(found, colours, strict=True)] if found else colours
    return [colour - np.float32(_BELOW / _ONE) for colour in found]


def _places(v: Float32, side: int) -> tuple[np.ndarray, Float32]:
    """The pixels before places, of which one more lies before and two after, and how far on places are, 0 to 1."""
    inside = np.clip(v, 1, side - 2)
    first = np.minimum(inside.astype(np.intp), side - 3)
    return first, inside - first.astype(np.float32)


def _weights(t: Float32) -> list[Any]:
    """Of the four pixels around a place that is `t`, 0 to 1, on from the second."""
    rest = 1 - t
    first, last = _A * t * rest * rest, _A * rest * t * t
    second = 1 + t * t * ((_A + 2) * t - (_A + 3))
    return [first, second, 1 - first - second - last, last]
