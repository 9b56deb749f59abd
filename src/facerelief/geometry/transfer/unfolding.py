"""Flows without folds: where a warp would turn a patch of the face inside out, its flow is smoothed until it does not.

A fold shows as a swirl or a doubled edge. A warp x -> x + flow(x) has none where the determinant of its Jacobian is
positive. Between the nodes of a grid the flow is bilinear, and there the determinant is linear along each axis: it is
positive in a cell exactly if it is so at the cell's four corners.
"""

import numpy as np

from facerelief.array_types import Bool, Floats
from facerelief.faces.warping import border_fade
from facerelief.geometry.filters import binomial_blur

LEAST_DETERMINANT = 0.02  # of a patch that hardly anything is left of
_ROUNDS, _REACH = 60, 6  # of smoothing, and how far around a fold, in nodes
_BESIDE = 2 * _REACH + 6  # nodes beside folds that are looked at: what is smoothed, and what that takes into account
_MARGIN = 0.05  # of the crop's side, along which nothing is smoothed, so that the flow stays zero at the border


def jacobian_determinants(flow: Floats) -> Floats:
    """Determinants of the Jacobian of x -> x + flow(x) at the corners of the grid's cells.

    Args:
        flow: (S, S, 2), right and down, in nodes.

    Returns:
        (4, S - 1, S - 1): at the upper left, upper right, lower left and lower right corner of each cell.
    """
    along_x, along_y = np.diff(flow, axis=1), np.diff(flow, axis=0)
    corners = [(x, y) for x in (along_x[:-1], along_x[1:]) for y in (along_y[:, :-1], along_y[:, 1:])]
    return np.stack([(1 + x[..., 0]) * (1 + y[..., 1]) - x[..., 1] * y[..., 0] for x, y in corners])


def folds(flow: Floats, least: float = 0.0) -> Bool:
    """Which cells (S - 1, S - 1) of a flow (S, S, 2) have a determinant of at most `least`."""
    found: Bool = jacobian_determinants(flow).min(axis=0) <= least
    return found


def unfold(flow: Floats, least: float = LEAST_DETERMINANT) -> Floats:
    """The flow, smoothed around its folds until no determinant is at most `least`; without folds, the very flow.

    Args:
        flow: (S, S, 2), right and down, in nodes; zero at the border.
        least: The smallest determinant that is left as it is.
    """
    if not (folded := folds(flow, least)).any():
        return flow
    inner = border_fade(flow.shape[0], _MARGIN)
    flow, around, ends = flow.copy(), np.zeros(flow.shape[:2], dtype=np.float64), np.array([(len(flow), 0)] * 2)
    for _ in range(_ROUNDS):
        for axis in (0, 1):
            places = np.flatnonzero(folded.any(axis=1 - axis))
            ends[axis] = min(ends[axis, 0], places[0] - _BESIDE), max(ends[axis, 1], places[-1] + _BESIDE)
        first, last = np.clip(ends, 0, len(flow)).T
        nodes, cells = (tuple(map(slice, first, last - less)) for less in (0, 1))
        around[nodes] = np.maximum(around[nodes], _near(folded[cells]))
        blurred = binomial_blur(binomial_blur(flow[nodes]))
        share = (around[nodes][..., None] * inner[nodes]).astype(flow.dtype)
        flow[nodes] += share * (blurred - flow[nodes])
        folded[cells] = folds(flow[nodes], least)
        if not folded.any():
            return flow
    return _less(flow, least)


def _near(folded: Bool) -> Floats:
    """1 at the nodes of folded cells, falling to 0 some nodes around them."""
    nodes = np.zeros(tuple(side + 1 for side in folded.shape), dtype=np.float64)
    for down in (0, 1):
        for right in (0, 1):
            part = nodes[down : down + folded.shape[0], right : right + folded.shape[1]]
            np.maximum(part, folded, out=part)
    wide = nodes
    for _ in range(_REACH):
        wide = binomial_blur(wide)
    return np.maximum(nodes, np.minimum(1.0, 4 * wide))


def _less(flow: Floats, least: float) -> Floats:
    """As much of all of a flow as has no folds; some of it always has none."""
    some, much = 0.0, 1.0
    for _ in range(12):
        share = (some + much) / 2
        some, much = (share, much) if not folds(share * flow, least).any() else (some, share)
    return (some * flow).astype(flow.dtype)
