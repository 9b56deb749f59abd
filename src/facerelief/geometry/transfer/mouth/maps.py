"""Maps of a mouth's picture: the light that comes through the opening, and what fills gaps between teeth."""

import numpy as np

from facerelief.array_types import Bool, Floats
from facerelief.geometry.filters import box_mean, closing, gaussian, scaled_map

_SMALL = 48  # of the maps of light
_DEPTHS = (0.02, 0.06, 0.14, 0.3, 0.6, 1.0)  # inter-ocular distances behind the lips at which light is computed
_SPREAD, _FROM_ABOVE = 0.45, 0.2  # of light through the opening: deviation, and how far it comes from above, per depth
_AT_CORNERS, _INWARDS = 0.35, 5.0  # depth of the cheeks' inside at the corners of the mouth; its slope from there
_FULL = 2.5  # 1 / 0.4, which a blur by a pixel leaves of a line
GAP, _BETWEEN = 0.04, 0.84  # inter-ocular distances between teeth at most; brightness there


def through_opening(mask: Bool, depth: Floats, unit: float, rows: slice = slice(None)) -> Floats:
    """How much light reaches a depth through an opening.

    Args:
        mask: (S, S), the opening.
        depth: (R, S), inter-ocular distances behind it, at some rows of the picture.
        unit: Pixels in an inter-ocular distance.
        rows: These rows.

    Returns:
        Share (R, S) of the light.
    """
    small = scaled_map(mask.astype(np.float32), _SMALL)
    step = len(mask) / _SMALL
    levels = []
    for distance in _DEPTHS:
        spread = distance * unit / step
        seen = _gaussian_matrix(_SMALL, _SPREAD * spread, _FROM_ABOVE * spread) @ small
        levels.append(scaled_map(seen @ _gaussian_matrix(_SMALL, _SPREAD * spread).T, len(mask))[rows])
    stack = np.stack(levels)
    place = np.interp(depth, _DEPTHS, np.arange(len(_DEPTHS)))
    below = np.minimum(place.astype(int), len(_DEPTHS) - 2)
    down, across = np.indices(depth.shape)
    share = place - below
    light: Floats = (1 - share) * stack[below, down, across] + share * stack[below + 1, down, across]
    return np.clip(light, 0, 1)


def cheeks_depth(mask: Bool, unit: float) -> Floats:
    """How far behind the lips the inside of the cheeks is at most, which the mouth model lacks.

    Args:
        mask: (S, S), the opening of the lips.
        unit: Pixels in an inter-ocular distance.

    Returns:
        (S,), inter-ocular distances, from left to right.
    """
    columns = np.flatnonzero(mask.any(axis=0))
    ends = (columns[0], columns[-1]) if len(columns) else (0, 0)
    x = np.arange(len(mask))
    depth: Floats = _AT_CORNERS + _INWARDS * np.maximum(0, np.minimum(x - ends[0], ends[1] - x)) / unit
    return depth


def _gaussian_matrix(size: int, deviation: float, shift: float = 0.0) -> Floats:
    """(size, size): what blurs a column of values by a Gaussian, and shifts it down; nothing comes from outside."""
    away = np.arange(size)[:, None] - np.arange(size) - shift
    weights = np.exp(-0.5 * (away / max(deviation, 0.4)) ** 2)
    whole = np.exp(-0.5 * (np.arange(-size, size + 1) / max(deviation, 0.4)) ** 2).sum()
    matrix: Floats = weights / whole
    return matrix


def without_gaps(colours: Floats, tooth: Floats, unit: float) -> Floats:
    """A picture (R, S, 3) whose gaps between teeth (R, S, 1), side by side, are nearly of their colour.

    A model's teeth stand apart; people's touch, or what is seen between them is lit through them.
    """
    teeth = tooth[..., 0] > 0.5
    width = max(3, round(GAP * unit))
    beside = ((0, 0), (width, width))
    between = closing(np.pad(teeth, beside), (1, width | 1))[:, width:-width] & ~teeth
    planes = np.moveaxis(colours, 2, 0)
    near = np.stack([*(planes * teeth), teeth.astype(planes.dtype)])
    for axis in (1, 2):
        near = box_mean(near, width, axis)
    filling = np.float32(_BETWEEN) * near[:3] / np.maximum(near[3], 1e-3)
    share = _FULL * gaussian(between.astype(np.float32), 1.0)  # of one pixel, too
    return np.moveaxis(planes + np.clip(share, 0, 1) * (np.maximum(filling, planes) - planes), 0, 2)
