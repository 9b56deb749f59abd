"""How much of each blendshape and action unit a face shows: non-negative least squares over a rig's responses."""

from dataclasses import dataclass

import numpy as np

from facerelief.array_types import Bool, Float64, Floats, Landmarks
from facerelief.geometry.morphable.action_units import ACTION_UNITS, SIDES
from facerelief.geometry.morphable.fitting import pose_modes
from facerelief.geometry.morphable.measuring.responses import DEPTH, Responses, load_responses
from facerelief.geometry.morphable.model import MorphableFace
from facerelief.geometry.morphable.procrustes import align_shapes

_DOUBT = 1.0  # inverse variance of amounts: 1 is as far from none as is usual
_LEAST_LIKELY = 4.0  # by which small amounts are drawn to none
SEEN = 0.4  # standard deviations of an amount: those that are larger are not seen, for 1 is not far enough from none


@dataclass(frozen=True)
class Amount:
    """How much of a shape or unit a face shows.

    Attributes:
        amount: 0 for none, 1 for its full movement.
        deviation: Standard deviation of that, where nothing is known of the other shapes.
    """

    amount: float
    deviation: float

    @property
    def seen(self) -> bool:
        """Whether landmarks tell it apart from others at all."""
        return self.deviation <= SEEN


@dataclass(frozen=True, eq=False)
class Measurement:
    """How a face moved. A movement, not a feeling.

    Attributes:
        names: R names of blendshapes.
        amounts: (R,), of each.
        covariance: (R, R), of amounts.
    """

    names: tuple[str, ...]
    amounts: Float64
    covariance: Float64

    @property
    def blendshapes(self) -> dict[str, Amount]:
        """By name."""
        return {name: self._of([row]) for row, name in enumerate(self.names)}

    @property
    def action_units(self) -> dict[str, Amount]:
        """By name: `AU12`, the mean of both sides, and where it has sides `AU12L` and `AU12R`, the person's own."""
        found = {}
        for number, (_, stem) in ACTION_UNITS.items():
            rows = [[row for row, name in enumerate(self.names) if name == stem + side] for side in ("", *SIDES)]
            both = rows[0] or rows[1] + rows[2]
            if not both:
                continue
            found[f"AU{number}"] = self._of(both)
            if not rows[0]:
                found |= {f"AU{number}{side[0]}": self._of(some) for side, some in zip(SIDES, rows[1:], strict=True)}
        return found

    def _of(self, rows: list[int]) -> Amount:
        variance = float(self.covariance[np.ix_(rows, rows)].mean())
        return Amount(float(self.amounts[rows].mean()), float(np.sqrt(variance)))


def measure_face(
    face: MorphableFace, landmarks: Landmarks, neutral: Landmarks | None = None, responses: Responses | None = None
) -> Measurement:
    """Measure how much of each blendshape a face shows.

    Landmarks, less the neutral ones, are a sum of responses by non-negative amounts, of what a head's pose changes, of
    the errors of the landmark model, and without a neutral photo of the modes of identity.

    Args:
        face: The morphable model.
        landmarks: (468, 3), pixels, of the landmark model.
        neutral: (468, 3), of a photo in which the same person shows nothing; else the mean face's, and the person is
            found too, far less surely.
        responses: What the landmark model reports of shapes; by default the package's.

    Example:
        >>> from facerelief.geometry.morphable.model import load_face
        >>> face, responses = load_face(), load_responses()
        >>> smile = responses.shapes[responses.names.index("mouthSmileLeft")]
        >>> found = measure_face(face, 100 * (face.mean + 0.8 * smile), 100 * face.mean).action_units
        >>> round(found["AU12L"].amount, 1), round(found["AU12R"].amount, 1)
        (0.8, 0.0)
    """
    responses = load_responses() if responses is None else responses
    base = face.mean.astype(np.float64) if neutral is None else in_mean_frame(face, neutral)
    nuisance = [pose_modes(base), responses.errors] + ([] if neutral is not None else [face.identity])
    counts = [len(some) for some in nuisance]
    free = weighted_rows(np.concatenate(nuisance).astype(np.float64)) / responses.noise
    shapes = weighted_rows(responses.shapes.astype(np.float64)) / responses.noise
    moved = weighted_rows(in_mean_frame(face, landmarks) - base)[None] / responses.noise
    prior = np.concatenate([np.zeros(counts[0]), np.ones(sum(counts[1:]))])  # any pose is as likely
    taken = np.linalg.solve(free @ free.T + np.diag(prior), free @ np.concatenate([shapes, moved]).T)
    across = shapes @ free.T
    precision = shapes @ shapes.T - across @ taken[:, :-1] + _DOUBT * np.eye(len(shapes))
    pull = (shapes @ moved.T)[:, 0] - across @ taken[:, -1] - _LEAST_LIKELY
    return Measurement(responses.names, non_negative(precision, pull), np.linalg.inv(precision))


def in_mean_frame(face: MorphableFace, landmarks: Landmarks) -> Floats:
    """Landmarks (468, 3) in the frame of the mean face."""
    return align_shapes(landmarks[None].astype(np.float64), face.mean.astype(np.float64))[0]


def weighted_rows(shapes: Floats) -> Floats:
    """Shapes (..., 468, 3) as rows (N, 1404), or one (1404,)."""
    weighted: Floats = (shapes * (1, 1, DEPTH)).reshape(*shapes.shape[:-2], -1)
    return weighted


def non_negative(precision: Floats, pull: Floats) -> Float64:
    """The x >= 0 (R,) with the smallest x' precision x / 2 - pull x.

    Active sets (Lawson and Hanson, Solving least squares problems, 1974, 23.3): one value after the other is let go
    from 0, and those that would fall below 0 stay there.
    """
    found, free = np.zeros(len(pull)), np.zeros(len(pull), dtype=bool)
    least = 1e-10 * np.abs(pull).max(initial=0.0)
    while not free.all():
        gain = np.where(free, -np.inf, pull - precision @ found)
        if gain.max() <= least:
            break
        free[np.argmax(gain)] = True
        while ((solved := _solved(precision, pull, free))[free] <= 0).any():
            falls = free & (solved <= 0)
            found += (found[falls] / (found[falls] - solved[falls])).min() * (solved - found)
            free &= found > least / precision.diagonal().max()
        found = solved
    return found


def _solved(precision: Floats, pull: Floats, free: Bool) -> Float64:
    """The x with the smallest x' precision x / 2 - pull x whose values are 0 but where they are free."""
    solved = np.zeros(len(pull))
    solved[free] = np.linalg.solve(precision[np.ix_(free, free)], pull[free])
    return solved
