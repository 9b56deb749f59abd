"""Which amounts of blendshapes move landmarks as another face's moved: for giving that face's expression to others.

`measure_face` says how much of each shape a face shows for sure, and is careful: what could be an error counts for
little. Here it matters only that the sum of all shapes is the same movement, whichever of similar shapes it is made of.
"""

import numpy as np

from facerelief.array_types import Floats, Landmarks
from facerelief.geometry.morphable.action_units import SIDES
from facerelief.geometry.morphable.controls import MOST
from facerelief.geometry.morphable.fitting import pose_modes
from facerelief.geometry.morphable.measuring.amounts import in_mean_frame, non_negative, weighted_rows
from facerelief.geometry.morphable.measuring.responses import Responses, load_responses
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.topology import INNER_LIPS

_LIPS = 3.0  # weight of the inner lips: how far a mouth opens is seen first
_DOUBT = 0.03  # draws amounts to none, squared inter-ocular distances: a brow is reported at a quarter of its movement
_UNEVEN = 0.01  # draws both sides together: errors make smiles crooked; more of it would hide crooked ones
_CORRECTIVE = ("mouthClose",)  # shuts lips that a jaw has parted, and stops there: no movement to be added
_EXPLAINED = 0.87  # of the length of people's smiles is what shapes of the rig add up to


def match_movement(
    face: MorphableFace, landmarks: Landmarks, neutral: Landmarks, responses: Responses | None = None
) -> dict[str, float]:
    """Find amounts of blendshapes with which the landmark model would report the same movement.

    Args:
        face: The morphable model.
        landmarks: (468, 3), pixels, of the landmark model.
        neutral: (468, 3), of the same face without expression, at any place, size and pose.
        responses: What the landmark model reports of shapes; by default the package's.

    Returns:
        By name of the rig's shapes the amounts above 0, at most 2.

    Example:
        >>> from facerelief.geometry.morphable.model import load_face
        >>> face, responses = load_face(), load_responses()
        >>> open_jaw = responses.shapes[responses.names.index("jawOpen")]
        >>> found = match_movement(face, 100 * (face.mean + 0.3 * open_jaw), 80 * face.mean + 300)
        >>> max(found, key=found.get)
        'jawOpen'
    """
    responses = load_responses() if responses is None else responses
    rows = [row for row, name in enumerate(responses.names) if name in face.rig.names and name not in _CORRECTIVE]
    names = [responses.names[row] for row in rows]
    base = in_mean_frame(face, neutral)
    weight = np.ones((468, 1))
    weight[list(INNER_LIPS)] = _LIPS
    turned, _ = np.linalg.qr(weighted_rows(pose_modes(base) * weight).T)  # heads turn between two photos
    shapes = weighted_rows(responses.shapes[rows] * weight)
    shapes = shapes - (shapes @ turned) @ turned.T
    moved = weighted_rows((in_mean_frame(face, landmarks) - base) * weight)
    precision = shapes @ shapes.T + _DOUBT * np.eye(len(names)) + _UNEVEN * _differences(names)
    amounts = np.minimum(non_negative(precision, shapes @ moved) / _EXPLAINED, MOST)
    return {name: amount for name, amount in zip(names, amounts.round(3).tolist(), strict=True) if amount > 0}


def _differences(names: list[str]) -> Floats:
    """The quadratic form (R, R) that sums the squared differences of both sides' amounts."""
    left, right = SIDES
    found = np.zeros((len(names),) * 2)
    for row, name in enumerate(names):
        if name.endswith(left) and (other := name.removesuffix(left) + right) in names:
            difference = np.zeros(len(names))
            difference[[row, names.index(other)]] = 1, -1
            found += np.outer(difference, difference)
    return found
