"""A mouth that closes: the lips are brought together, teeth are left behind, and a line is drawn where the lips meet.

Expression modes alone do not close every mouth: what they leave of an opening would show as a slit of squashed teeth.
"""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.faces.alignment import EYE_OUTER, inter_ocular
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.topology import INNER_LIPS
from facerelief.geometry.transfer.unfolding import unfold

# Along the mouth, corners left out: the inner lips, and where the lips end in skin.
UPPER, LOWER = (191, 80, 81, 82, 13, 312, 311, 310, 415), (95, 88, 178, 87, 14, 317, 402, 318, 324)
_UPPER_SKIN, _LOWER_SKIN = (185, 40, 39, 37, 0, 267, 269, 270, 409), (146, 91, 181, 84, 17, 314, 405, 321, 375)
_MIDDLE, MOUTH_CORNERS = 4, (78, 308)
CLOSED_MOUTH = 0.04  # inter-ocular distances between the lips, below which landmarks are those of a closed mouth
TRIM = 0.3  # of a lip's height, by which its rim stays behind where lips close: landmarks miss it a little
DENSE, _OUTER_CORNERS = 41, (61, 291)  # points along a lip, of which every fourth is a landmark
_AROUND = 4.0  # crop pixels around the line where lips meet that are warped for each lip
_OVER = 2.0  # crop pixels beyond that line up to which a lip's flow goes on
_PARTED = 5.0  # crop pixels beside the line where lips meet, in which the flow goes over into that of a lip's rim
_SAMPLED, _MOST_TRIMMED = 1.75, 0.6  # pixels of a photo, and share of a lip's height
_SEAM, _SEAM_WIDTH = -0.5, 0.011  # change of log light; deviation across, inter-ocular distances


@dataclass(frozen=True, eq=False)
class MeetingLips:
    """Lips that an edit brings together, from left to right, (41, 2) each.

    Attributes:
        line: Where they meet.
        upper: Where each point of it is on the upper lip before the edit.
        lower: The same of the lower lip.
    """

    line: Floats
    upper: Floats
    lower: Floats


@dataclass(frozen=True, eq=False)
class PartedFlows:
    """Flows of lips that meet, without folds, crop pixels.

    Attributes:
        upper: (S, S, 2), to be used above the line where they meet.
        lower: (S, S, 2), to be used below it.
        below: (S, S, 1), how far below it each pixel is.
        around: Left and top, right and bottom of what these flows are for.
    """

    upper: Floats
    lower: Floats
    below: Floats
    around: tuple[list[float], list[float]]


def mouth_opening(points: Floats) -> float:
    """Distance between the middles of the lips, in inter-ocular distances of `points` (468, 2 or 3)."""
    gap = points[LOWER[_MIDDLE], :2] - points[UPPER[_MIDDLE], :2]
    down = points[list(LOWER + UPPER), :2].mean(axis=0) - points[list(EYE_OUTER), :2].mean(axis=0)
    return float(gap @ down / np.linalg.norm(down)) / inter_ocular(points)


def keeps_mouth_closed(face: MorphableFace, movement: Floats) -> bool:
    """Whether a movement (468, 3) leaves a closed mouth closed."""
    return mouth_opening(face.mean + movement) - mouth_opening(face.mean) < CLOSED_MOUTH


def closing_movement(face: MorphableFace) -> Floats:
    """The likeliest movement (468, 3) that brings the lips nearer by an inter-ocular distance."""
    gaps = face.expression_modes[:, UPPER[_MIDDLE], 1] - face.expression_modes[:, LOWER[_MIDDLE], 1]
    return face.movement(gaps / float(gaps @ gaps))


def close_lips(points: Floats, share: float) -> Floats:
    """Points (468, 2 or 3) with the inner lips brought together by a `share` of what is between them."""
    upper, lower = list(UPPER), list(LOWER)
    half = share * (points[lower] - points[upper]) / 2
    together = points.copy()
    together[upper] += half
    together[lower] -= half
    return together


def take_gaps(points: Floats, source: Floats, share: float) -> Floats:
    """Points (468, 2 or 3) with the inner lips as far apart as a `share` of what they are in `source`."""
    upper, lower = list(UPPER), list(LOWER)
    middle = (points[upper] + points[lower]) / 2
    half = share * (source[lower] - source[upper]) / 2
    taken = points.copy()
    taken[upper], taken[lower] = middle - half, middle + half
    return taken


def trim_lips(points: Floats, shares: Floats) -> Floats:
    """Points (468, 2 or 3) with the inner lips moved into the lips, so that teeth stay outside.

    Args:
        points: Landmarks.
        shares: (2, 41), of the height of the upper and the lower lip, along `lip_curves`.
    """
    trimmed, step = points.copy(), (DENSE - 1) // (len(UPPER) + 1)
    for rim, skin, along in ((UPPER, _UPPER_SKIN, shares[0]), (LOWER, _LOWER_SKIN, shares[1])):
        trimmed[list(rim)] += along[step:-1:step, None] * (points[list(skin)] - points[list(rim)])
    return trimmed


def lip_curves(points: Floats) -> tuple[Floats, Floats]:
    """Inner rims and outer borders of the upper and the lower lip, (2, 41, 2) each, of points (468, 2 or 3)."""
    at, known = np.linspace(0, len(UPPER) + 1, DENSE), np.arange(len(UPPER) + 2)

    def curve(corners: tuple[int, int], between: tuple[int, ...]) -> Floats:
        through = points[[corners[0], *between, corners[1]], :2]
        return np.column_stack([np.interp(at, known, through[:, k]) for k in range(2)])

    inner = np.stack([curve(MOUTH_CORNERS, rim) for rim in (UPPER, LOWER)])
    outer = np.stack([curve(_OUTER_CORNERS, skin) for skin in (_UPPER_SKIN, _LOWER_SKIN)])
    return inner, outer


def trim_gap(points: Floats, margin: float) -> Floats:
    """Points (468, 2 or 3) with the opening of the mouth smaller, by `margin` inter-ocular distances at each lip."""
    gap = max(mouth_opening(points), 1e-6)
    return close_lips(points, min(1.0, 2 * margin / gap))


def mouth_axis(landmarks: Floats) -> Floats:
    """The direction (2,), in the picture, from the left corner of a mouth (468, 3) to the right one."""
    left, right = landmarks[list(MOUTH_CORNERS), :2]
    way: Floats = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
    return way


def lips_depth(landmarks: Floats, side: int) -> Floats:
    """How near lips are, which lie around the teeth as an arc does.

    Args:
        landmarks: (468, 3), pixels of a picture in which the mouth is level.
        side: S, the picture's side.

    Returns:
        z (S,), from left to right: the mean of both lips.
    """
    found: Floats = np.zeros(side)
    for rim in (UPPER, LOWER):
        points = landmarks[[MOUTH_CORNERS[0], *rim, MOUTH_CORNERS[1]]]
        order = np.argsort(points[:, 0])
        found += np.interp(np.arange(side) + 0.5, points[order, 0], points[order, 2]) / 2
    return found


def lip_outline(points: Floats, steps: int = 8) -> Floats:
    """A smooth outline through the inner lips: a Catmull-Rom curve along each lip, with corners where they meet.

    Args:
        points: (20, 2), in the order of `INNER_LIPS`.
        steps: Points of the outline to each of these.

    Returns:
        (20 * steps, 2).
    """
    corners = [INNER_LIPS.index(corner) for corner in MOUTH_CORNERS]
    turned = np.roll(points, -corners[0], axis=0)
    half = (corners[1] - corners[0]) % len(points)
    closed = np.concatenate([turned, turned[:1]])
    return np.concatenate([_curve(closed[: half + 1], steps), _curve(closed[half:], steps)])


def _curve(points: Floats, steps: int) -> Floats:
    """A Catmull-Rom curve through points (N, 2), without its last."""
    ends = 2 * points[[0, -1]] - points[[1, -2]]
    p = np.concatenate([ends[:1], points, ends[1:]])
    t = np.arange(steps)[:, None] / steps
    before, start, end, after = (p[k : len(p) - 3 + k, None] for k in range(4))
    found = start + t / 2 * (end - before + t * (2 * before - 5 * start + 4 * end - after))
    found = found + t**3 / 2 * (3 * (start - end) + after - before)
    return found.reshape(-1, 2)


def meeting_lips(source: Floats, target: Floats, shares: Floats, pixel: float) -> MeetingLips:
    """Lips that were open and meet.

    Args:
        source: (468, 2 or 3), landmarks before.
        target: The same after.
        shares: (2, 41), of their height, that stay behind.
        pixel: A pixel of the photo, in theirs: sampling looks so far beyond a rim, where it is dark.
    """
    inner, outer = lip_curves(source)
    height = np.maximum(np.linalg.norm(outer - inner, axis=2), 1e-6)
    trimmed = np.minimum(np.maximum(shares, _SAMPLED * pixel / height), np.maximum(shares, _MOST_TRIMMED))
    upper, lower = inner + trimmed[..., None] * (outer - inner)
    return MeetingLips(lip_curves(target)[0].mean(axis=0), upper, lower)


def lip_seam(points: Floats, share: float, size: int) -> Floats:
    """The dark line where lips meet.

    Args:
        points: (468, 2 or 3), landmarks, crop pixels.
        share: 0 to 1, to which the mouth is shut.
        size: S, the crop's side.

    Returns:
        (S, S, 1), change of log luminance.
    """
    line = lip_curves(points)[0].mean(axis=0)
    y, x = np.mgrid[:size, :size] + 0.5
    away = np.abs(y - np.interp(x[0], line[:, 0], line[:, 1]))
    width = _SEAM_WIDTH * inter_ocular(points)
    ends = line[-1, 0] - line[0, 0]
    along = np.clip(np.minimum(x[0] - line[0, 0], line[-1, 0] - x[0]) / max(0.15 * ends, 1e-6), 0, 1)
    seam: Floats = _SEAM * share * along * np.exp(-0.5 * (away / width) ** 2)
    return seam[..., None]


def parted_flows(flow: Floats, lips: MeetingLips) -> PartedFlows:
    """The flow of each lip, up to where they meet.

    Teeth lie between lips that are open before. Where the flow of one lip went over into that of the other they would
    show, squashed.

    Args:
        flow: (S, S, 2), of the crop, in its pixels.
        lips: Where they meet, crop pixels.
    """
    line, size = lips.line, len(flow)
    y, x = np.mgrid[:size, :size] + 0.5
    below = y - np.interp(x[0], line[:, 0], line[:, 1])
    margin = np.clip(np.minimum(x - line[0, 0], line[-1, 0] - x), 0, _PARTED)
    parts = []
    for rim, side in ((lips.upper, -1), (lips.lower, 1)):
        at_rim = np.column_stack([np.interp(x[0], line[:, 0], (rim - line)[:, k]) for k in range(2)])
        away = side * below
        near, beyond = 1 - away / np.maximum(margin, 1e-6), 1 + (away + _OVER) / _PARTED
        share = (np.clip(np.where(away > 0, near, beyond), 0, 1) * (margin > 0))[..., None]
        edge = sample_bilinear(flow, np.dstack([x, np.where(away > 0, y - below + side * margin, y)]))
        parts.append(np.where(share > 0, edge + share * (at_rim - edge), flow).astype(np.float32))
    low, high = line.min(axis=0) - _AROUND, line.max(axis=0) + _AROUND
    upper, lower = map(unfold, parts)
    return PartedFlows(upper, lower, below[..., None].astype(np.float32), (low.tolist(), high.tolist()))


def lip_colour(pixels: RGB, points: Floats) -> Floats:
    """The colour (3,), levels in [0, 1], of the lips of a crop (S, S, 3) whose landmarks are `points`."""
    inner, outer = points[list(UPPER + LOWER), :2], points[list(_UPPER_SKIN + _LOWER_SKIN), :2]
    within = np.clip(((inner + outer) / 2).astype(int), 0, np.array(pixels.shape[1::-1]) - 1)
    colour: Floats = np.median(pixels[within[:, 1], within[:, 0]], axis=0) / 255
    return colour
