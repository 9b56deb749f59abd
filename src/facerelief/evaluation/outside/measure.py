"""Edits labelled photos as a user would, at their own resolution, and measures every edit."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from facerelief.array_types import RGB
from facerelief.data.sources.labelled import Labelled
from facerelief.editing.editor import Editor
from facerelief.evaluation.outside.instruments import Instruments
from facerelief.evaluation.outside.mouths import cut_mouth, own_side
from facerelief.evaluation.outside.movement import MeanMovements, measure_movement, moved_photo
from facerelief.evaluation.outside.people import FaceLandmarks, short_name, true_photos
from facerelief.evaluation.outside.strengths import StrengthCurve
from facerelief.evaluation.outside.views import FaceView, against, distance, view
from facerelief.faces.detector import Face
from facerelief.networks.face_api import FACE_API_EXPRESSIONS
from facerelief.photos.photo import Photo, read_photo
from facerelief.progress import NotedProgress, no_progress

EDIT, NO_EDIT, MEAN_MOVEMENT = "edit", "no edit", "mean movement"
MOST_MOUTHS = 20  # on a sheet


@dataclass(frozen=True)
class PhotoScore:
    """What is measured of a real photo.

    Attributes:
        photo: Its name, with its folder's.
        identity: The person.
        expression: Its label.
        called: What the judge calls it.
        opening: Distance between the lips, inter-ocular.
        teeth: Share of the inner mouth that shows teeth; NaN where it is closed.
        detail: Of the inner mouth, as of `MouthMeasures`.
    """

    photo: str
    identity: str
    expression: str
    called: str
    opening: float
    teeth: float
    detail: float


@dataclass(frozen=True)
class EditScore:
    """What is measured of an edit.

    Attributes:
        photo: The photo's name, with its folder's.
        identity: The person.
        source: The photo's label.
        target: What it was edited to.
        found: Whether its face was found again; where not, the rest is empty.
        called: What the judge calls it.
        probability: What the judge gives the target; NaN where it does not know it.
        distance: Identity distance to the photo.
        opening: As of `PhotoScore`.
        teeth: As of `PhotoScore`.
        detail: As of `PhotoScore`.
        truth: By `EDIT`, `NO_EDIT` and `MEAN_MOVEMENT`, what `against` and `measure_movement` give; empty where there
            is no true photo.
    """

    photo: str
    identity: str
    source: str
    target: str
    found: bool
    called: str = ""
    probability: float = float("nan")
    distance: float = float("nan")
    opening: float = float("nan")
    teeth: float = float("nan")
    detail: float = float("nan")
    truth: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class MouthPair:
    """A mouth as it was made and as it is, (h, w, 3) each."""

    identity: str
    made: RGB
    true: RGB


@dataclass
class Measured:
    """All scores.

    Attributes:
        photos: Of the real photos.
        edits: Of the edits.
        mouths: Made and true ones where either is open, `MOST_MOUTHS` at most.
        curves: How far edits move faces by strength; empty where that is not measured.
    """

    photos: list[PhotoScore] = field(default_factory=list)
    edits: list[EditScore] = field(default_factory=list)
    mouths: list[MouthPair] = field(default_factory=list)
    curves: list[StrengthCurve] = field(default_factory=list)


@dataclass(frozen=True)
class Request:
    """What is to be measured.

    Attributes:
        photos: The photos.
        targets: What they are edited to.
        strength: Share of the full change.
        compare: Whether edits are compared with true photos.
        labelled: All photos, where true ones and those of other people are looked for.
        mouths: The target whose mouths are collected; None for none.
    """

    photos: Sequence[Labelled]
    targets: Sequence[str]
    strength: float
    compare: bool
    labelled: Sequence[Labelled]
    mouths: str | None = None


class _Measuring:
    def __init__(self, editor: Editor, instruments: Instruments, landmarks: FaceLandmarks, request: Request) -> None:
        self._editor, self._instruments, self._landmarks = editor, instruments, landmarks
        self._request = request
        self._people = true_photos(request.labelled) if request.compare else {}
        self._movements = MeanMovements(self._people, landmarks)
        self.measured = Measured()

    def photo(self, one: Labelled) -> None:
        """Measure a photo and its edits."""
        photo, face = read_photo(one.photo), Face(self._landmarks(one))
        source = self._view(photo.rgb, face)
        labels = short_name(one), one.identity, one.expression
        self.measured.photos.append(PhotoScore(*labels, _called(source), **dataclasses.asdict(source.mouth)))
        for target in self._request.targets:
            if target != one.expression:
                self.measured.edits.append(self._edit(one, photo, face, source, target))

    def _edit(self, one: Labelled, photo: Photo, face: Face, source: FaceView, target: str) -> EditScore:
        edit = self._editor(photo, target, strength=self._request.strength, faces=[face]).photo.rgb
        score = EditScore(short_name(one), one.identity, one.expression, target, found=False)
        again = self._editor.finder.follow(edit, face)
        if again is None:
            return score
        made = self._view(edit, again)
        known = target in FACE_API_EXPRESSIONS
        return dataclasses.replace(
            score,
            found=True,
            called=_called(made),
            probability=float(made.seen.expression[FACE_API_EXPRESSIONS.index(target)]) if known else float("nan"),
            distance=distance(made, source),
            **dataclasses.asdict(made.mouth),
            truth=self._against_truth(one, photo, face, target, (source, made), (edit, again)),
        )

    def _against_truth(
        self,
        one: Labelled,
        photo: Photo,
        face: Face,
        target: str,
        views: tuple[FaceView, FaceView],
        edit: tuple[RGB, Face],
    ) -> dict[str, dict[str, float]]:
        """views: of the photo and of its edit."""
        other = self._people.get(one.identity, {}).get(target)
        points = None if other is None else self._landmarks.or_none(other)
        if other is None or points is None:
            return {}
        real = read_photo(other.photo).rgb
        true = self._view(real, Face(points))
        source, made = views
        if made.mouth.is_open or true.mouth.is_open:
            self._collect(one.identity, target, edit, (real, Face(points)))
        compared = {EDIT: made, NO_EDIT: source}
        movement = self._movements.of_others(one.identity, one.expression, target)
        if movement is not None:
            moved = moved_photo(photo.rgb, face.landmarks, movement)
            again = self._editor.finder.follow(moved, face)
            compared |= {MEAN_MOVEMENT: self._view(moved, again)} if again else {}
        return {
            name: against(one, true)
            | dataclasses.asdict(measure_movement(source.points, one.points, true.points, movement))
            for name, one in compared.items()
        }

    def _collect(self, identity: str, target: str, *pictures: tuple[RGB, Face]) -> None:
        """Keep the mouth of an edit and the true one, if they are asked for."""
        mouths = self.measured.mouths
        if target != self._request.mouths or len(mouths) >= MOST_MOUTHS:
            return
        if any(one.identity == identity for one in mouths):
            return
        side = max(own_side(face.landmarks) for _, face in pictures)
        made, true = (cut_mouth(rgb, face.landmarks, side) for rgb, face in pictures)
        mouths.append(MouthPair(identity, made, true))

    def _view(self, rgb: RGB, face: Face) -> FaceView:
        return view(rgb, face.landmarks, self._instruments)


def measure(
    editor: Editor,
    instruments: Instruments,
    landmarks: FaceLandmarks,
    request: Request,
    progress: NotedProgress = no_progress,
) -> Measured:
    """Edit and measure.

    Args:
        editor: Makes the edits.
        instruments: Judge them.
        landmarks: Finds the faces of photos.
        request: What is to be measured.
        progress: Called with the number of photos done, the total, and the photo's name.
    """
    measuring = _Measuring(editor, instruments, landmarks, request)
    for done, one in enumerate(request.photos):
        progress(done, len(request.photos), one.photo.name)
        measuring.photo(one)
    progress(len(request.photos), len(request.photos))
    return measuring.measured


def _called(seen: FaceView) -> str:
    return FACE_API_EXPRESSIONS[int(np.argmax(seen.seen.expression))]


def scores_json(measured: Measured) -> dict[str, Any]:
    """All scores of single photos and edits, for JSON: NaN becomes None."""
    return {
        "each_photo": [_finite(dataclasses.asdict(one)) for one in measured.photos],
        "each_edit": [_finite(dataclasses.asdict(one)) for one in measured.edits],
        "each_strength": [_finite(dataclasses.asdict(one)) for one in measured.curves],
    }


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float):
        return round(value, 5) if np.isfinite(value) else None
    return value
