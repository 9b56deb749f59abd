"""Filters of pictures in numpy: Gaussian and box means, extremes, closings.

Beyond its border a picture goes on as its mirror image, whose first line is the border's own, or with its border
repeated (`Edge`).
"""

import functools
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from facerelief.array_types import Bool, Float32, Floats, Int64

Edge: TypeAlias = Literal["mirror", "repeat"]
_BINOMIAL = (0.0625, 0.25, 0.375, 0.25, 0.0625)


def gaussian(
    values: Floats, deviations: float | Sequence[float], edge: Edge = "mirror", truncate: float = 4.0
) -> Floats:
    """Blur by Gaussians.

    Args:
        values: Of any shape; floating.
        deviations: Along all axes, or along each; 0 where nothing is blurred.
        edge: How values go on beyond their border.
        truncate: Deviations after which the Gaussians are cut off.

    Returns:
        Of the shape and the type of `values`.

    Example:
        >>> gaussian(np.array([0.0, 0.0, 1.0, 0.0, 0.0]), 0.5).round(3).tolist()
        [0.0, 0.106, 0.787, 0.106, 0.0]
    """
    each = deviations if isinstance(deviations, Sequence) else (deviations,) * values.ndim
    for axis, deviation in enumerate(each):
        reach = int(truncate * deviation + 0.5)
        if reach:
            values = _weighted(values, _gaussian_weights(deviation, reach), axis, edge)
    return values


@functools.lru_cache(maxsize=256)
def _gaussian_weights(deviation: float, reach: int) -> tuple[float, ...]:
    """Of the middle and of the steps to either side."""
    weights = np.exp(-0.5 * (np.arange(reach + 1) / deviation) ** 2)
    return tuple((weights / (2 * weights.sum() - 1)).tolist())


def _weighted(values: Floats, weights: Sequence[float], axis: int, edge: Edge) -> Floats:
    """Sums along an axis by weights of the middle and of the steps to either side, which are symmetric."""
    reach, length = len(weights) - 1, values.shape[axis]
    padded = _padded(values, axis, reach, reach, edge)
    found: Floats = weights[0] * _part(padded, axis, reach, length)
    for step in range(1, reach + 1):
        pair = _part(padded, axis, reach - step, length) + _part(padded, axis, reach + step, length)
        pair *= weights[step]
        found += pair
    return found


def box_mean(values: Floats, width: int, axis: int) -> Floats:
    """Means over `width` values along an axis, beyond the border of the mirror image.

    Example:
        >>> box_mean(np.array([0.0, 3.0, 6.0]), 3, 0).tolist()
        [1.0, 3.0, 5.0]
    """
    length = values.shape[axis]
    padded = _padded(values, axis, width // 2, width - 1 - width // 2, "mirror")
    found = _part(padded, axis, 0, length).copy()
    for step in range(1, width):
        found += _part(padded, axis, step, length)
    found /= width
    return found


def binomial_blur(values: Floats) -> Floats:
    """Values (H, W[, C]) by a binomial filter, 5 pixels wide; the border is repeated."""
    for axis in (0, 1):
        padded, length = _padded(values, axis, 2, 2, "repeat"), values.shape[axis]
        parts = (w * _part(padded, axis, k, length) for k, w in enumerate(_BINOMIAL))
        values = functools.reduce(np.add, parts)
    return values


def box_blur(values: Floats, radius: int) -> Floats:
    """Values (H, W, C) averaged over boxes of 2 * radius + 1 pixels, thrice; the border is repeated."""
    for _ in range(3):
        for axis in (0, 1):
            sums = np.cumsum(_padded(values, axis, radius + 1, radius, "repeat"), axis=axis)
            length, width = values.shape[axis], 2 * radius + 1
            values = (_part(sums, axis, width, length) - _part(sums, axis, 0, length)) / width
    return values


def blurred_mask(mask: Floats | Bool, radius: float) -> Float32:
    """A mask (H, W) in [0, 1] blurred by a Gaussian, in 256 levels."""
    levels = Image.fromarray(np.round(mask * 255.0).astype(np.uint8))
    blurred = np.asarray(levels.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
    return np.asarray(blurred / 255, dtype=np.float32)


def largest(values: np.ndarray, widths: Sequence[int], edge: Edge = "mirror") -> np.ndarray:
    """The largest value within odd widths, one an axis, around each place, exactly.

    Example:
        >>> largest(np.array([1, 5, 2, 0, 0]), [3]).tolist()
        [5, 5, 5, 2, 0]
    """
    return _extremes(values, widths, edge, np.maximum, [width // 2 for width in widths])


def smallest(values: np.ndarray, widths: Sequence[int], edge: Edge = "mirror") -> np.ndarray:
    """As `largest`, the smallest value."""
    return _extremes(values, widths, edge, np.minimum, [width // 2 for width in widths])


def closing(values: np.ndarray, widths: Sequence[int], edge: Edge = "mirror") -> np.ndarray:
    """The morphological closing by a box of widths, one an axis: what is darker and narrower is filled.

    Example:
        >>> closing(np.array([5, 5, 1, 5, 2, 2, 2]), [3]).tolist()
        [5, 5, 5, 5, 2, 2, 2]
    """
    befores = [width // 2 for width in widths]
    afters = [width - 1 - before for width, before in zip(widths, befores, strict=True)]  # of even widths the mirror
    widened = _extremes(values, widths, edge, np.maximum, afters)
    return _extremes(widened, widths, edge, np.minimum, befores)


def _extremes(
    values: np.ndarray, widths: Sequence[int], edge: Edge, extreme: np.ufunc, befores: Sequence[int]
) -> np.ndarray:
    """The extreme of `widths` values from so many before each place on, by runs of 1, 2, 4 ... values."""
    for axis, (width, before) in enumerate(zip(widths, befores, strict=True)):
        if width < 2:
            continue
        values = _padded(values, axis, before, width - 1 - before, edge)
        run = 1
        while run < width:
            step = min(run, width - run)
            length = values.shape[axis] - step
            values = extreme(_part(values, axis, 0, length), _part(values, axis, step, length))
            run += step
    return values


def steepness(values: Floats) -> Floats:
    """Sobel's change of values (H, W) from row to row, 8 times what it is from one to the next."""
    across = _padded(values, 1, 1, 1, "mirror")
    smooth = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    down = _padded(smooth, 0, 1, 1, "mirror")
    return down[2:] - down[:-2]


def grown(mask: Bool, steps: int) -> Bool:
    """A mask (H, W) with all places that are so many steps, up, down or aside, from it."""
    for _ in range(steps):
        wide = np.pad(mask, 1)
        mask = mask | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return mask


def enclosed(mask: Bool) -> Bool:
    """The holes of a mask (H, W): what cannot be left by steps up, down and aside without crossing it.

    Example:
        >>> ring = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]], bool)
        >>> np.argwhere(enclosed(ring)).tolist()
        [[1, 1]]
    """
    solid = np.pad(mask, 1)
    outside = np.ones_like(solid)
    outside[1:-1, 1:-1] = False
    count = 0
    while count < (count := int(outside.sum())):
        for _ in range(2):  # along rows, then along columns: a run of free places is outside if one of them is
            runs = np.cumsum(solid)
            reached = np.zeros(int(runs[-1]) + 1, dtype=bool)
            reached[runs[outside.ravel()]] = True
            outside = (reached[runs].reshape(solid.shape) & ~solid).T
            solid = solid.T
    holes: Bool = ~(outside | solid)[1:-1, 1:-1]
    return holes


def _padded(values: np.ndarray, axis: int, before: int, after: int, edge: Edge) -> np.ndarray:
    """Values with more before and after along an axis."""
    return values.take(_places(values.shape[axis], before, after, edge), axis=axis)


@functools.lru_cache(maxsize=1024)
def _places(length: int, before: int, after: int, edge: Edge) -> Int64:
    """Which values lie at places from `before` before the first to `after` after the last."""
    places = np.arange(-before, length + after)
    if edge == "repeat":
        return np.clip(places, 0, length - 1)
    places %= 2 * length
    return np.minimum(places, 2 * length - 1 - places)


def _part(values: np.ndarray, axis: int, start: int, length: int) -> np.ndarray:
    return values[(slice(None),) * axis + (slice(start, start + length),)]


def scaled_map(values: Floats, side: int) -> Float32:
    """A map (S, S) at another size; where it shrinks, averaged."""
    plane = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(plane.resize((side, side), Image.Resampling.BILINEAR))
