"""One person's expression given to others: their motion beside the giver's, and whether they stay themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerelief.array_types import Floats, Landmarks
from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.evaluation.intervals import quantile_interval
from facerelief.evaluation.outside.instruments import Instruments
from facerelief.evaluation.outside.people import FaceLandmarks, true_photos
from facerelief.evaluation.outside.views import aligned
from facerelief.faces.detector import Face
from facerelief.geometry.morphable.fitting import pose_modes
from facerelief.geometry.morphable.model import load_face
from facerelief.networks.face_api import SAME_PERSON
from facerelief.photos.photo import read_photo
from facerelief.progress import NotedProgress, no_progress

_NEUTRAL = "neutral"


@dataclass(frozen=True)
class LikePair:
    """A giver's expression, given to a receiver.

    Attributes:
        giver: The person of the expression.
        receiver: The person of the edited photo.
        expression: Its label.
        correlation: Of the receiver's `motion` with the giver's own, over landmarks and both axes.
        ratio: Of their lengths, along the giver's motion.
        error: Mean distance of the two motions, inter-ocular distances.
        still: The same of no motion.
        own: Correlation of the receiver's own true motion with the giver's; NaN without a true photo.
        distance: Identity distance of edit and photo (L2); NaN without instruments.
    """

    giver: str
    receiver: str
    expression: str
    correlation: float
    ratio: float
    error: float
    still: float
    own: float
    distance: float


def transfer_expressions(
    editor: Editor,
    photos: Sequence[Labelled],
    landmarks: FaceLandmarks,
    instruments: Instruments | None,
    progress: NotedProgress = no_progress,
) -> list[LikePair]:
    """Give each person's expressions, as the difference to the own neutral photo, to the next person's neutral photo.

    Args:
        editor: Makes the edits; one that takes another photo's expression.
        photos: All, of which people with a neutral and another photo count, in the order of their names.
        landmarks: Finds their faces.
        instruments: Measure identity; None to leave it out.
        progress: Called with the number of people done, the total, and the giver's name.
    """
    people = {name: shown for name, shown in sorted(true_photos(photos).items()) if _NEUTRAL in shown}
    usable = [
        name for name, shown in people.items() if all(landmarks.or_none(one) is not None for one in shown.values())
    ]
    pairs = []
    for done, giver in enumerate(usable if len(usable) > 1 else []):
        progress(done, len(usable), giver)
        receiver = usable[(done + 1) % len(usable)]
        for expression, one in people[giver].items():
            if expression != _NEUTRAL:
                still = people[giver][_NEUTRAL]
                found = _pair(editor, (one, still), people[receiver], landmarks, instruments)
                pairs += [found] if found else []
    progress(len(usable), len(usable))
    return pairs


def _pair(
    editor: Editor,
    given: tuple[Labelled, Labelled],
    receiver: dict[str, Labelled],
    landmarks: FaceLandmarks,
    instruments: Instruments | None,
) -> LikePair | None:
    """given: a photo of the giver's expression, and the neutral one. None where the edit has no face."""
    shown, still = given
    name = editor.take_expression(read_photo(shown.photo), read_photo(still.photo))
    rgb, face = read_photo(receiver[_NEUTRAL].photo).rgb, Face(landmarks(receiver[_NEUTRAL]))
    before = editor.finder.follow(rgb, face) or face
    edit = editor.render(rgb, editor.plan(rgb, before, editor.target(name)), 1.0)
    after = editor.finder.follow(edit, before)
    if after is None:
        return None
    wanted = motion(landmarks(shown), landmarks(still))
    made = motion(after.landmarks, before.landmarks)
    own = float("nan")
    if shown.expression in receiver:
        own = correlation(motion(landmarks(receiver[shown.expression]), face.landmarks), wanted)
    distance = float("nan")
    if instruments:
        vectors = [instruments(*one).identity for one in ((rgb, before.landmarks), (edit, after.landmarks))]
        distance = float(np.linalg.norm(vectors[0] - vectors[1]))
    return LikePair(
        still.identity,
        receiver[_NEUTRAL].identity,
        shown.expression,
        correlation(made, wanted),
        float((made * wanted).sum() / max(float((wanted**2).sum()), 1e-12)),
        float(np.linalg.norm(made - wanted, axis=1).mean()),
        float(np.linalg.norm(wanted, axis=1).mean()),
        own,
        distance,
    )


def motion(landmarks: Landmarks, neutral: Landmarks) -> Floats:
    """How a face moved between two photos, but for what a turn of the head changes: people nod when they smile.

    Args:
        landmarks: (468, 3), pixels.
        neutral: (468, 3), pixels of the other photo.

    Returns:
        (468, 2), inter-ocular distances.
    """
    moved = (aligned(landmarks) - aligned(neutral)).ravel()
    modes = pose_modes(load_face().mean.astype(np.float64))[..., :2].reshape(7, -1)
    turned, _ = np.linalg.qr(modes.T)
    still: Floats = (moved - turned @ (turned.T @ moved)).reshape(-1, 2)
    return still


def correlation(a: Floats, b: Floats) -> float:
    """Cosine of two motions (468, 2): their correlation about no motion.

    Example:
        >>> correlation(np.ones((468, 2)), 2 * np.ones((468, 2)))
        1.0
    """
    return round(float((a * b).sum() / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12)), 6)


def summarise_likeness(pairs: Sequence[LikePair]) -> dict[str, Any]:
    """By expression: medians with intervals over givers of what `LikePair` holds, and the share of the same person."""
    found = {}
    for expression in sorted({one.expression for one in pairs}):
        some = [one for one in pairs if one.expression == expression]
        givers = np.unique([one.giver for one in some], return_inverse=True)[1]
        facts: dict[str, Any] = {"n": len(some)}
        for key in ("correlation", "ratio", "error", "still", "own", "distance"):
            values = np.array([getattr(one, key) for one in some])
            facts[key] = quantile_interval(values, givers, 0.5) if np.isfinite(values).any() else None
        distances = np.array([one.distance for one in some if np.isfinite(one.distance)])
        facts["same_person"] = float((distances < SAME_PERSON).mean()) if len(distances) else None
        found[expression] = facts
    return found
