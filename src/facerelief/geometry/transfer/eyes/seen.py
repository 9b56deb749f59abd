"""An eye as a photo shows it."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from facerelief.array_types import RGB, Floats, Landmarks
from facerelief.colour import LUMA
from facerelief.easing import smoothstep
from facerelief.faces.alignment import Crop, inter_ocular
from facerelief.faces.pose import head_pose
from facerelief.geometry.filters import gaussian
from facerelief.geometry.topology import BROWS, lid_curves
from facerelief.geometry.transfer.eyes.frame import eye_frame
from facerelief.geometry.transfer.eyes.iris import Iris, find_iris, iris_contrast
from facerelief.geometry.transfer.eyes.lids import Lids, landmark_lids, seen_lids

_PLACES = 32  # along a lid, at which it is measured
EYE_MEASURES = 4 + 2 * _PLACES
# Of the contrast of an iris times the opening of its eye, inter-ocular distances: in 28 open eyes of the London set at
# least 0.03, half closed at least 0.028; closed at most 0.018 in 19 of 20.
_SHUT, _CLEAR = 0.018, 0.028
_TURNED = (30.0, 40.0)  # degrees
_SMOOTH = 0.07  # inter-ocular distances: deviation of a Gaussian along the eyebrow's edge


@dataclass(frozen=True, eq=False)
class Eye:
    """An eye of a photo.

    Attributes:
        frame: The small crop around it that all else refers to, S pixels a side.
        pixels: (S, S, 3), the frame's.
        unit: Its pixels to an inter-ocular distance.
        landmarks: (2, 9, 2), of the upper and the lower lid, from the left to the right corner, frame pixels.
        lids: The edges of its opening.
        brow: (S,), the lower edge of the eyebrow in each column, frame pixels.
        iris: The iris.
        clear: From 0, shut or hardly seen, to 1: how sure it is that the eye can be opened or turned.
        frontal: From 0, a head turned so far that nothing can be done to its eyes, to 1.
    """

    frame: Crop
    pixels: RGB
    unit: float
    landmarks: Floats
    lids: Lids
    brow: Floats
    iris: Iris
    clear: float
    frontal: float


def seen_eyes(rgb: RGB, landmarks: Landmarks) -> tuple[Eye, ...]:
    """The eyes of a photo (H, W, 3) with landmarks (468, 3): the one on the left in the picture, then the other."""
    points = landmarks.astype(np.float64)
    return tuple(_seen_eye(rgb, points, side) for side in range(2))


def _seen_eye(rgb: RGB, points: Floats, side: int) -> Eye:
    rims = np.array(lid_curves()[side])
    frame = eye_frame(points, (int(rims[0, 0]), int(rims[0, -1])))
    pixels, unit = frame.cut(rgb), frame.scale * inter_ocular(points)
    luma = pixels.astype(np.float32) @ LUMA.astype(np.float32)
    edges = np.stack([frame.to_crop(points[rim])[:, :2] for rim in rims])
    lids = seen_lids(luma, landmark_lids(edges[0], edges[1], frame.size), unit)
    brow = frame.to_crop(points[list(BROWS[side])])[:, :2]
    columns = np.arange(frame.size) + 0.5
    near = np.abs(columns[:, None] - brow[:, 0]) + 3 * (brow[:, 1].max() - brow[:, 1])
    lowest = gaussian(brow[np.argmin(near, axis=1), 1], _SMOOTH * unit, "repeat")
    iris = find_iris(luma, lids, unit)
    opening = float((edges[1] - edges[0])[len(edges[0]) // 2, 1] / unit)
    shows = iris_contrast(luma, lids, unit, iris) * max(opening, 0.0)
    clear = float(smoothstep((np.array(shows) - _SHUT) / (_CLEAR - _SHUT)))
    frontal = 1 - float(smoothstep((np.array(abs(head_pose(points)[0])) - _TURNED[0]) / (_TURNED[1] - _TURNED[0])))
    return Eye(frame, pixels, unit, edges, lids, lowest, iris, clear, frontal)


def eye_measures(eye: Eye) -> Floats:
    """What was found of an eye, so that it can be averaged over frames of a video.

    Returns:
        (`EYE_MEASURES`,), `clear`, then shares of the frame's side: the iris' centre and radius, and how far the upper
        and the lower lid lie below their landmarks, from the left to the right corner.
    """
    drawn = landmark_lids(eye.landmarks[0], eye.landmarks[1], eye.frame.size)
    iris = np.array((eye.iris.x, eye.iris.y, eye.iris.radius))
    lids = [
        _at_places(eye, one - other) for one, other in ((eye.lids.upper, drawn.upper), (eye.lids.lower, drawn.lower))
    ]
    return np.concatenate([[eye.clear], np.concatenate([iris, *lids]) / eye.frame.size])


def with_measures(eye: Eye, measures: Floats) -> Eye:
    """The eye with other measures (`EYE_MEASURES`,); those that are not finite stay its own.

    With no other it is the very eye, of which all that is drawn again and again while a slider moves is kept.
    """
    own = eye_measures(eye)
    found = np.where(np.isfinite(measures), measures, own)
    if np.array_equal(found, own):
        return eye
    change = (found - own)[1:] * eye.frame.size
    columns, places = np.arange(eye.frame.size) + 0.5, np.linspace(*eye.lids.corners, _PLACES)
    upper, lower = (np.interp(columns, places, one, left=0, right=0) for one in np.split(change[3:], 2))
    lower = eye.lids.lower + lower
    lids = Lids(np.minimum(eye.lids.upper + upper, lower), lower, eye.lids.corners)
    iris = Iris(*(np.array((eye.iris.x, eye.iris.y, eye.iris.radius)) + change[:3]).tolist())
    return dataclasses.replace(eye, lids=lids, iris=iris, clear=float(found[0]))


def _at_places(eye: Eye, values: Floats) -> Floats:
    """Values of columns (S,) at places from the left to the right corner."""
    found: Floats = np.interp(np.linspace(*eye.lids.corners, _PLACES), np.arange(len(values)) + 0.5, values)
    return found
