"""Corners of a mouth as a photo shows them: landmarks end before the dark line between the lips does.

In 33 neutral and 33 smiling photos of the London set the line goes on beyond the landmarks of the inner corners by 0.08
inter-ocular distances in the median. What an edit leaves there looks like a torn corner.
"""

import numpy as np

from facerelief.array_types import RGB, Floats
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.faces.alignment import inter_ocular
from facerelief.geometry.morphable.uv_map import sample_bilinear
from facerelief.geometry.transfer.lips import LOWER, MOUTH_CORNERS, UPPER, mouth_opening

# Inter-ocular distances along the mouth, from within the lips to the farthest corner that is looked for; and across it.
_WITHIN, _FARTHEST, _STEP, _BESIDE = 0.04, 0.1, 0.005, 0.09
_ACROSS, _TRACKED = 0.01, 3  # inter-ocular distances between places across; how many beside the landmark it may begin
_SKIN = (3, 6)  # places above and below the line, between which is the skin that it is darker than
_BENDS = 2.0  # levels by which the line is darker where it bends
_FAINT, _LEAST = 0.5, 8.0  # share of the contrast between the lips, and levels, below which the line has ended
# Inter-ocular distances over which a mouth leaves the corners behind: by which it gets narrower, opens, and shuts.
_NARROWER, _OPENS, _SHUTS = 0.08, (0.03, 0.1), (0.03, 0.08)
# Inter-ocular distances: deviation of the Gaussian by which landmarks around a corner go along, by how far a mouth
# opens: corners of a smile are pointed, those of a wide mouth round.
_AROUND, _AROUND_AT = (0.04, 0.09), (0.15, 0.27)


def corner_reach(pixels: RGB, landmarks: Floats) -> Floats:
    """How far beyond the landmarks of its corners a mouth reaches.

    From each inner corner the dark line between the lips is followed outwards, until it is half as dark.

    Args:
        pixels: (S, S, 3), a picture of the face.
        landmarks: (468, 2 or 3), its pixels.

    Returns:
        (2, 2), for the left and the right corner, right and down, in inter-ocular distances; 0 where no line goes on.
    """
    luma, unit = (pixels.astype(np.float32) @ LUMA)[..., None], inter_ocular(landmarks)
    along_steps = np.arange(-_WITHIN, _FARTHEST + _STEP / 2, _STEP)
    across_steps = np.arange(-_BESIDE, _BESIDE + _ACROSS / 2, _ACROSS)
    found = np.zeros((2, 2))
    for side, (corner, inner) in enumerate(zip(MOUTH_CORNERS, ((0, 1), (-1, -2)), strict=True)):
        within = np.mean([landmarks[line[k], :2] for line in (UPPER, LOWER) for k in inner], axis=0)
        along = landmarks[corner, :2] - within
        along = along / max(float(np.linalg.norm(along)), 1e-6)
        across = np.array((-along[1], along[0]))
        places = along_steps[:, None, None] * along + across_steps[:, None] * across
        levels = sample_bilinear(luma, landmarks[corner, :2] + unit * places)[..., 0]
        last, place = _end_of_line(levels, round(_WITHIN / _STEP))
        if last:
            found[side] = places[last, place]
    return found


def _end_of_line(levels: Floats, corner: int) -> tuple[int, int]:
    """Row and column of the last place of a dark line, or 0 and 0 if it has ended at the corner.

    Args:
        levels: (N, M), brightness, along the mouth from within, and across it.
        corner: The row of the landmark.
    """
    middle, (near, far) = levels.shape[1] // 2, _SKIN
    at, line, contrasts = middle, [], []
    for k, row in enumerate(levels):
        reach = 1 if k else _TRACKED
        low, high = max(near + 1, at - reach), min(len(row) - near - 2, at + reach)
        places = np.arange(low, high + 1)
        at = int(places[np.argmin(row[places] + _BENDS * np.abs(places - at))])
        skin = min(row[max(0, at - far + 1) : at - near + 1].mean(), row[at + near : at + far].mean())
        line.append(at)
        contrasts.append(float(skin - row[at]))
    clear = max(_LEAST, _FAINT * max(contrasts[: corner + 4]))
    last = corner
    while last + 1 < len(line) and contrasts[last + 1] > clear:
        last += 1
    return (last, line[last]) if last > corner else (0, 0)


def leaves_corners(before: Floats, after: Floats) -> float:
    """Whether, 0 to 1, an edit of landmarks (468, 2 or 3) would leave the corners of the mouth behind.

    It does if the mouth gets narrower, or opens: lips part up to their corners, and the line that went on from there
    would be cut off. If it shuts, the dark between the lips goes on there, too.
    """
    left, right = MOUTH_CORNERS
    widths = [float(np.linalg.norm(points[right, :2] - points[left, :2])) for points in (before, after)]
    narrower = (widths[0] - widths[1]) / inter_ocular(before)
    wider_open = mouth_opening(after) - mouth_opening(before)
    shares = [(change - low) / (high - low) for change, (low, high) in ((wider_open, _OPENS), (-wider_open, _SHUTS))]
    return float(smoothstep(max(narrower / _NARROWER, *shares)))


def with_reach(landmarks: Floats, reach: Floats, opening: float) -> Floats:
    """Landmarks (468, 2 or 3) with the corners of the mouth moved by `corner_reach`, and what is around them, too.

    Args:
        landmarks: Those.
        reach: (2, 2), as `corner_reach` finds it.
        opening: Of the mouth where it is widest, before or after the edit, in inter-ocular distances.
    """
    around = float(np.interp(opening, _AROUND_AT, _AROUND))
    unit, moved = inter_ocular(landmarks), landmarks.copy()
    for corner, shift in zip(MOUTH_CORNERS, reach, strict=True):
        away = np.linalg.norm(landmarks[:, :2] - landmarks[corner, :2], axis=1) / unit
        moved[:, :2] += np.exp(-0.5 * (away / around) ** 2)[:, None] * shift * unit
    return moved
