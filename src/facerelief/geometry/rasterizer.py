"""Orthographic z-buffer, in NumPy or, if it is installed, compiled by numba, which gives the same arrays faster.

Both compute the same candidates in the same float64 arithmetic: a pixel belongs to a triangle if its centre lies inside
or on an edge; the nearest triangle is shown, and at equal depth the first one. Back faces are left out.
"""

import functools
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from facerelief.array_types import Float64, Floats, Int64

_CANDIDATES = 15_000  # pixels of bounding boxes at a time


def rasterise(vertices: Floats, triangles: Int64, size: int, backend: str = "numpy") -> tuple[Int64, Float64]:
    """Which triangle each pixel shows, and where in it.

    Args:
        vertices: (V, 3), pixels, y down, +z towards the viewer; they may lie outside the image.
        triangles: (T, 3), counter-clockwise seen from the front with y up.
        size: S, the image's side.
        backend: "numpy", "numba", or "auto" for numba where it is installed: it takes half a second to load, which
            pays for many images.

    Returns:
        The triangle's index, (S, S), -1 where there is none, and barycentric weights, (S, S, 3).

    Raises:
        ImportError: "numba" is asked for and not installed.

    Example:
        >>> import numpy as np
        >>> index, weights = rasterise(np.array([(0, 0, 0), (0, 2, 0), (2, 0, 0.0)]), np.array([(0, 1, 2)]), 2)
        >>> index
        array([[ 0,  0],
               [ 0, -1]])
        >>> weights[0, 1].tolist() == [0, 0.25, 0.75]
        True
    """
    corners = np.ascontiguousarray(vertices, dtype=np.float64)[triangles]
    fill = _numba_fill() if backend in ("auto", "numba") else None
    if fill is None and backend == "numba":
        raise ImportError("numba is not installed")
    index, weights, _ = (fill or _fill)(corners, size)
    return index, weights


def interpolate(values: Floats, triangles: Int64, index: Int64, weights: Floats) -> Floats:
    """Interpolate values of vertices at the pixels of an image.

    Args:
        values: (V,) or (V, K), one row a vertex.
        triangles: (T, 3), those that were rasterised.
        index: (H, W), the triangle of each pixel, as `rasterise` gives it.
        weights: (H, W, 3), barycentric, as `rasterise` gives them.

    Returns:
        (H, W) or (H, W, K), single where both values and weights are; 0 where there is no triangle.
    """
    covered = np.flatnonzero(index >= 0)
    found = interpolate_at(covered, values, triangles, index, weights)
    out = np.zeros((index.size, found.shape[1]), dtype=found.dtype)
    out[covered] = found
    return out.reshape(index.shape + values.shape[1:])


def interpolate_at(covered: Int64, values: Floats, triangles: Int64, index: Int64, weights: Floats) -> Floats:
    """`interpolate` at some pixels alone.

    Args:
        covered: (P,), flat indices of pixels that show a triangle.
        values: As of `interpolate`, and so are the others.
        triangles: (T, 3).
        index: (H, W).
        weights: (H, W, 3).

    Returns:
        (P, K).
    """
    corners = triangles.take(index.ravel().take(covered), axis=0)
    shares = weights.reshape(-1, 3).take(covered, axis=0)
    columns = values.reshape(len(values), math.prod(values.shape[1:]))
    found = shares[:, 0, None] * columns.take(corners[:, 0], axis=0)
    for k in (1, 2):
        found += shares[:, k, None] * columns.take(corners[:, k], axis=0)
    return found


def _fill(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numpy: the pixels of all bounding boxes, a few thousand at a time, so that they stay in the processor's cache."""
    index, weights = np.full(size * size, -1, dtype=np.int64), np.zeros((size * size, 3))
    depth = np.full(size * size, -np.inf)
    planes = [np.ascontiguousarray(corners[:, k].T) for k in range(3)]
    t, row, first, last = _box_rows(planes, size)
    ends = np.cumsum(last - first)
    cuts = np.searchsorted(ends, np.arange(_CANDIDATES, ends[-1] if len(ends) else 0, _CANDIDATES))
    for start, stop in pairwise([0, *cuts.tolist(), len(t)]):
        part = slice(start, stop)
        lines, column = _counted(first[part], last[part])
        inside, x, y, *shares = _inside(planes, t[part].take(lines), column, row[part].take(lines))
        _show(inside, y * size + x, _depths(planes, inside, shares), shares, (index, weights, depth))
    return index.reshape(size, size), weights.reshape(size, size, 3), depth.reshape(size, size)


def _inside(planes: list[np.ndarray], t: np.ndarray, column: np.ndarray, row: np.ndarray) -> list[np.ndarray]:
    """Those pixels (N,) that lie in their triangles, fewer after each edge: triangle, column, row, three weights."""
    (ax, ay, _), (bx, by, _), (cx, cy, _) = planes
    ends, found = ((bx, by, cx, cy), (cx, cy, ax, ay), (ax, ay, bx, by)), list[np.ndarray]()
    for fx, fy, gx, gy in ends:
        px, py = column + 0.5, row + 0.5
        side = (fx.take(t) - px) * (gy.take(t) - py) - (fy.take(t) - py) * (gx.take(t) - px)
        inside = np.flatnonzero(side <= 0)
        t, column, row, side, *found = (part.take(inside) for part in (t, column, row, side, *found))
        found.append(side)
    area = ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)).take(t)
    return [t, column, row, *(side / area for side in found)]


def _depths(planes: list[np.ndarray], t: np.ndarray, shares: list[np.ndarray]) -> np.ndarray:
    (_, _, az), (_, _, bz), (_, _, cz) = planes
    depths: np.ndarray = shares[0] * az.take(t) + shares[1] * bz.take(t) + shares[2] * cz.take(t)
    return depths


def _show(
    t: np.ndarray, pixel: np.ndarray, z: np.ndarray, shares: list[np.ndarray], shown: tuple[np.ndarray, ...]
) -> None:
    """Keep in `shown` (index, weights, depth) what is nearer than all before it; of the same depth, the first."""
    index, weights, depth = shown
    nearer = np.flatnonzero(z > depth.take(pixel))
    t, pixel, z = (part.take(nearer) for part in (t, pixel, z))
    np.maximum.at(depth, pixel, z)
    nearest = np.flatnonzero(z == depth.take(pixel))[::-1]  # of the same depth the first comes last, and stays
    index[pixel.take(nearest)] = t.take(nearest)
    first = nearest[index.take(pixel.take(nearest)) == t.take(nearest)]
    at = nearer.take(first)
    weights[pixel.take(first)] = np.stack([share.take(at) for share in shares], axis=1)


def _box_rows(planes: list[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The rows of the bounding boxes of triangles in front: triangle, row, and first and last + 1 column, (N,)."""
    (ax, ay, _), (bx, by, _), (cx, cy, _) = planes
    x0, x1 = _pixel_range(np.minimum(np.minimum(ax, bx), cx), np.maximum(np.maximum(ax, bx), cx), size)
    y0, y1 = _pixel_range(np.minimum(np.minimum(ay, by), cy), np.maximum(np.maximum(ay, by), cy), size)
    front = np.flatnonzero(((bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0) & (x1 > x0) & (y1 > y0))
    lines, row = _counted(y0[front], y1[front])
    t = front[lines]
    return t, row, x0[t], x1[t]


def _counted(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranges from first to last - 1, (N,), one after the other: the number of the range, and the number within."""
    count = last - first
    which = np.repeat(np.arange(len(count)), count)
    return which, np.arange(len(which)) + np.repeat(first - (np.cumsum(count) - count), count)


def _pixel_range(low: np.ndarray, high: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """First and last + 1 pixel whose centre lies in [low, high]; never a negative count."""
    first = np.clip(np.ceil(low - 0.5), 0, size).astype(np.int64)
    last = np.clip(np.floor(high - 0.5) + 1, 0, size).astype(np.int64)
    return first, np.maximum(first, last)


@functools.cache
def _numba_fill() -> Callable[[np.ndarray, int], tuple[Any, Any, Any]] | None:
    """The same fill compiled by numba, or None without numba."""
    try:
        import numba
    except ImportError:
        return None
    compiled: Callable[[np.ndarray, int], tuple[Any, Any, Any]]
    try:
        compiled = numba.njit(cache=True)(_fill_loops)
    except RuntimeError:  # no folder for its cache can be written, as in a read-only container
        compiled = numba.njit(_fill_loops)
    return compiled


def _fill_loops(corners: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    index = np.full((size, size), -1, dtype=np.int64)
    weights = np.zeros((size, size, 3))
    depth = np.full((size, size), -np.inf)
    for t in range(corners.shape[0]):
        ax, ay, az = corners[t, 0]
        bx, by, bz = corners[t, 1]
        cx, cy, cz = corners[t, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not area < 0:
            continue
        x0 = max(0, int(min(size, np.ceil(min(ax, bx, cx) - 0.5))))
        x1 = min(size, int(max(0, np.floor(max(ax, bx, cx) - 0.5) + 1)))
        y0 = max(0, int(min(size, np.ceil(min(ay, by, cy) - 0.5))))
        y1 = min(size, int(max(0, np.floor(max(ay, by, cy) - 0.5) + 1)))
        for row in range(y0, y1):
            for column in range(x0, x1):
                px, py = column + 0.5, row + 0.5
                wa = (bx - px) * (cy - py) - (by - py) * (cx - px)
                wb = (cx - px) * (ay - py) - (cy - py) * (ax - px)
                wc = (ax - px) * (by - py) - (ay - py) * (bx - px)
                if wa <= 0 and wb <= 0 and wc <= 0:
                    wa, wb, wc = wa / area, wb / area, wc / area
                    z = wa * az + wb * bz + wc * cz
                    if z > depth[row, column]:
                        depth[row, column] = z
                        index[row, column] = t
                        weights[row, column, 0], weights[row, column, 1], weights[row, column, 2] = wa, wb, wc
    return index, weights, depth
