"""How landmarks move from one expression to another: of one person, on average of all others, and made in a photo."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from facerelief.array_types import RGB, Float64, Floats, Landmarks
from facerelief.data.sources.labelled import Labelled
from facerelief.evaluation.outside.people import FaceLandmarks
from facerelief.evaluation.outside.views import SIDE, UNIT, aligned
from facerelief.faces.alignment import align
from facerelief.faces.warping import border_fade, crop_strips, warp_photo
from facerelief.geometry.transfer.expression_transfer import backward_flow

_MOST = 200  # people that a mean is of
_MARGIN = 0.08  # of the crop's side, along which a movement fades out


class MeanMovements:
    """Mean movements of landmarks between two photos of a person, over all people but one.

    Args:
        people: By person and expression, a photo.
        landmarks: Finds the faces.
    """

    def __init__(self, people: Mapping[str, Mapping[str, Labelled]], landmarks: FaceLandmarks) -> None:
        self._people, self._landmarks = people, landmarks
        self._found: dict[tuple[str, str], dict[str, Float64]] = {}

    def of_others(self, person: str, source: str, target: str) -> Float64 | None:
        """The mean movement (468, 2), inter-ocular, of all others who have both expressions; None without any."""
        movements = self._of_all(source, target)
        others = [movement for name, movement in movements.items() if name != person]
        return np.mean(others, axis=0) if others else None

    def _of_all(self, source: str, target: str) -> dict[str, Float64]:
        if (source, target) not in self._found:
            pairs = (
                (name, one[source], one[target]) for name, one in self._people.items() if {source, target} <= {*one}
            )
            movements = {}
            for person, *photos in islice(pairs, _MOST):
                before, after = map(self._landmarks.or_none, photos)
                if before is not None and after is not None:
                    movements[person] = aligned(after) - aligned(before)
            self._found[source, target] = movements
        return self._found[source, target]


@dataclass(frozen=True)
class Movement:
    """How much of a person's own movement was made, in inter-ocular distances (root of the sum over landmarks).

    Attributes:
        made: Of the made movement, its part along the person's own.
        true: Length of the person's own.
        made_common: Of the made movement, its part along the mean movement of all others; NaN without any.
        true_common: The same of the person's own.
    """

    made: float
    true: float
    made_common: float
    true_common: float


def measure_movement(before: Floats, made: Floats, true: Floats, common: Floats | None) -> Movement:
    """Compare a made movement with the true one.

    Args:
        before: (468, 2), aligned landmarks of the photo.
        made: (468, 2), those of the edit.
        true: (468, 2), those of the true photo.
        common: (468, 2), the mean movement of all others.
    """
    own, moved = true - before, made - before
    shared = np.full_like(own, np.nan) if common is None else common
    return Movement(_along(moved, own), _along(own, own), _along(moved, shared), _along(own, shared))


def _along(movement: Floats, direction: Floats) -> float:
    """Length of a movement's part along a direction; both (468, 2)."""
    return float((movement * direction).sum() / max(float(np.linalg.norm(direction)), 1e-9))


def moved_photo(rgb: RGB, landmarks: Landmarks, movement: Floats) -> RGB:
    """A photo (H, W, 3) warped so that a face's landmarks (468, 3) move by `movement` (468, 2), inter-ocular."""
    crop = align(landmarks, SIDE)
    before = crop.to_crop(landmarks.astype(np.float64))
    after = before.copy()
    after[:, :2] += movement * UNIT
    flow, _ = backward_flow(before, after, SIDE)
    flow *= border_fade(SIDE, _MARGIN)
    out = rgb.copy()
    for place in crop_strips(crop, rgb.shape):
        pixels, _ = warp_photo(rgb, crop, flow, {}, place)
        out[place] = np.clip(np.rint(pixels), 0, 255)
    return out
