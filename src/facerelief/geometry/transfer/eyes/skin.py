"""How the skin of lids moves: it is stretched between an edge of the eye's opening and skin farther away."""

import functools

import numpy as np

from facerelief.array_types import Float32, Floats
from facerelief.easing import smoothstep
from facerelief.geometry.filters import closing, gaussian, largest
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.eyes.frame import blur, frame_places
from facerelief.geometry.transfer.eyes.lids import Lids
from facerelief.geometry.transfer.eyes.seen import Eye
from facerelief.geometry.transfer.unfolding import unfold

_UPPER, _LOWER = (0.05, 0.22), 0.12  # inter-ocular distances from an edge, within which skin is stretched
_TO_BROW = 0.7  # of the way to the eyebrow
_STIFF = (0.02, 0.01)  # inter-ocular distances, of an edge with its lashes, which is not stretched
_RIM = 0.016  # inter-ocular distances, of a lower lid that stay behind as eyes close: white beside its landmarks
_LASH, _PLAIN, _ALONG = 0.05, 0.012, 0.03  # inter-ocular distances: wider than lashes; deviations of Gaussians
_DARKER = 0.6  # of what lashes and folds take of the light, that is spread over the lid
_TEXTURE, _CHEEK = (
    6.0,
    (0.12, 0.1),
)  # levels; inter-ocular distances below the eye, where texture is read
_DOWN = 0.1  # inter-ocular distances, by which a lid comes down that is plain
_LONGER = (1.1, 1.7)  # times longer than it was, from which skin is to be plain
_ROUNDS, _LEAST = 8, 0.15  # in which a flow's end is found; of the length of skin, that is left of it
_EVEN = 0.02  # of the frame's side: deviation of a Gaussian along columns
_CORNER, _DRAWN = (0.05, 0.03), 0.05  # inter-ocular distances beside a corner and within it over which this begins; as
# far as lids draw along the skin beside corners


def lid_flows(eye: Eye, lids: Lids, flow: Floats) -> tuple[Floats, Floats]:
    """Where the skin above and below an eye comes from.

    Args:
        eye: As the photo shows it.
        lids: Where its lids will be.
        flow: (S, S, 2), of the rest of the face, right and down, frame pixels.

    Returns:
        (S, S, 2) each, as `flow`: of the upper lid, to be used above the eye's opening, and of the lower lid.
    """
    columns = np.arange(len(flow)) + 0.5
    aside = np.minimum(columns - lids.corners[0], lids.corners[1] - columns) / eye.unit
    share = smoothstep((aside + _CORNER[0]) / sum(_CORNER))
    room = np.clip(_TO_BROW * (eye.lids.upper - eye.brow), _UPPER[0] * eye.unit, _UPPER[1] * eye.unit)
    upper = _past_corners(eye, lids)
    lower = eye.lids.lower + _RIM * eye.unit * np.clip(1 - lids.gap / np.maximum(eye.lids.gap, 1.0), 0, 1)
    edges = (eye.lids.upper, upper, room), (lower, lids.lower, np.full(len(flow), _LOWER * eye.unit))
    flows = []
    for (before, after, reach), stiff, side in zip(edges, _STIFF, (-1, 1), strict=True):
        moved = _stretched(flow, (side * before, side * after, side * lids.middle), reach, stiff * eye.unit, side)
        flows.append((flow + share[:, None] * (moved - flow)).astype(np.float32))
    return unfold(flows[0]), unfold(flows[1])


def _past_corners(eye: Eye, lids: Lids) -> Floats:
    """(S,): the edge of an upper lid that comes down, which at the corners draws the skin beside them along."""
    down = np.maximum(lids.upper - eye.lids.upper, 0)
    wide = largest(down, [round(2 * _DRAWN * eye.unit) | 1])
    drawn = gaussian(wide, 0.5 * _DRAWN * eye.unit)
    columns = np.arange(len(down)) + 0.5
    aside = np.minimum(columns - lids.corners[0], lids.corners[1] - columns) / (_DRAWN * eye.unit)
    edge: Floats = lids.upper + (1 - smoothstep(aside)) * np.maximum(drawn - down, 0)
    return edge


def plain_lid(eye: Eye, flow: Floats, lids: Lids) -> tuple[Floats, Floats] | None:
    """The skin of an upper lid that comes down, without lashes and folds, which would be drawn out to streaks.

    Args:
        eye: As the photo shows it.
        flow: (S, S, 2), of the upper lid, as `lid_flows` gives it.
        lids: Where its lids will be.

    Returns:
        (S, S, 3), levels, and their opacity (S, S, 1); None where it does not come down.
    """
    unit = eye.unit
    comes_down = smoothstep((lids.upper - eye.lids.upper) / (_DOWN * unit))
    if not comes_down.any():
        return None
    width = round(_LASH * unit) | 1
    seen = eye.pixels.astype(np.float32)
    closed = closing(eye.pixels, (width, width)).astype(np.float32)
    skin = blur(closed, _PLAIN * unit, _ALONG * unit) - _DARKER * blur(closed - seen, _LASH * unit)
    places = frame_places(len(flow))
    columns, rows = np.moveaxis(places, 2, 0)
    texture = np.clip(seen - blur(seen, _PLAIN * unit), -_TEXTURE, _TEXTURE)
    first, height = eye.lids.lower.max() + _CHEEK[0] * unit, _CHEEK[1] * unit
    below = sample_bilinear(texture, np.dstack([columns, first + np.abs(rows % (2 * height) - height)]))
    levels = sample_bilinear(skin, flow + places) + below
    longer = 1 / np.maximum(1 + np.gradient(flow[..., 1], axis=0), 0.05)
    drawn_out = smoothstep((longer - _LONGER[0]) / (_LONGER[1] - _LONGER[0]))
    above = smoothstep((lids.upper - _STIFF[0] * unit - rows) / (0.015 * unit))
    return levels, blur((comes_down * drawn_out)[..., None], _PLAIN * unit) * above[..., None]


def _stretched(flow: Floats, edges: tuple[Floats, Floats, Floats], reach: Floats, stiff: float, side: int) -> Floats:
    """The flow (S, S, 2) of skin on one side of an eye's opening, stretched up to skin that flows as `flow` has it.

    Args:
        flow: (S, S, 2), of the rest of the face; what it has near lids is not looked at.
        edges: (S,) each: the opening's edge before and after, and its middle; these, and all rows below, are measured
            away from the opening.
        reach: (S,), how far away skin is stretched.
        stiff: How far away from the edge it is not.
        side: The sign of the direction away from the opening, -1 upwards.
    """
    size, (before, after, middle) = len(flow), (edge.astype(np.float32) for edge in edges)
    reach = reach.astype(np.float32)
    away = side * (np.arange(size, dtype=np.float32)[:, None] + np.float32(0.5))
    beyond = before + stiff + reach
    far = beyond
    for _ in range(_ROUNDS):  # to where the flow takes what is so far away
        far = (far + beyond - side * _at_rows(flow, side * far)[:, 1]) / 2
    far = np.maximum(far, after + stiff + _LEAST * reach)
    at_far, at_middle = _at_rows(flow, side * far), _at_rows(flow, side * middle)
    target = far - (after + stiff)  # lengths of skin, from its stiff edge
    source = np.maximum(far + side * at_far[:, 1] - (before + stiff), 0.1 * target)
    ratio = source / target
    t = np.clip((away - (after + stiff)) / target, 0, 1)
    start, end = ratio, np.minimum(1.0, 1.5 * ratio)  # slopes at the edge and far away
    place = start * t * (1 - t) ** 2 + ratio * t**2 * (3 - 2 * t) - end * t**2 * (1 - t)
    down = np.where(t > 0, side * (before + stiff + place * target - away), side * (before - after))
    right = at_middle[:, 0] + smoothstep(t) * (at_far[:, 0] - at_middle[:, 0])
    moved: Floats = np.where((away > far)[..., None], flow, np.dstack([right, down]))
    return moved


def _at_rows(flow: Floats, rows: Floats) -> Floats:
    """A flow (S, S, 2) at one row of each column (S,), smooth along columns, (S, 2)."""
    size = len(flow)
    return _smoothing(size) @ flow[np.clip(rows.astype(int), 0, size - 1), np.arange(size)]


@functools.lru_cache(maxsize=16)
def _smoothing(size: int) -> Float32:
    """(S, S): the Gaussian along columns as a matrix, which is faster for values as few as these."""
    return gaussian(np.eye(size, dtype=np.float32), (_EVEN * size, 0), "repeat")
